"""The mark that says, to machines and people, that a film was made with the help of a trained model.

It stands in the container's metadata (mp4 and mov: ``mdta`` keys; webm: tags): the digital source type of the IPTC
(https://cv.iptc.org/newscodes/digitalsourcetype/), the program, the engine, and a plain sentence as comment. An mp4
says the source type once more where the IPTC puts it, in XMP, as a box of its own (XMP Specification, part 3).
"""

from __future__ import annotations

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
XMP_BOX = bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC")
XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    Iptc4xmpExt:DigitalSourceType="{source_type}" xmp:CreatorTool="{software}"/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""
KEYS = ("digital_source_type", "software", "engine", "comment")


def mark_of(engine: str) -> dict[str, str]:
    """The metadata of a film whose faces ``engine`` made speak."""
    from .. import __version__

    software = f"Lipsmith {__version__}"
    return {
        "digital_source_type": SOURCE_TYPE,
        "software": software,
        "engine": engine or "unknown",
        "comment": f"AI-generated: the mouth in this film was made to follow the speech by {software}.",
    }


def xmp_box(software: str) -> bytes:
    """The mark as XMP in a top-level box (ISO 14496-12 ``uuid``), to stand at the end of an mp4."""
    text = XMP.format(source_type=SOURCE_TYPE, software=software).encode()
    return (8 + len(XMP_BOX) + len(text)).to_bytes(4, "big") + b"uuid" + XMP_BOX + text


def mark_in(metadata: dict[str, str]) -> dict[str, str] | None:
    """The mark in a container's metadata; webm writes its keys in capitals."""
    lower = {key.lower(): value for key, value in metadata.items()}
    if "digital_source_type" not in lower:
        return None
    return {key: lower[key] for key in KEYS if key in lower}
