"""The AI mark: metadata that tells programs and people that a film was made with a trained model.

The container's metadata (mp4 and mov: ``mdta`` keys; webm: tags) hold the IPTC's digital source type
(https://cv.iptc.org/newscodes/digitalsourcetype/), the program, the engine, and a plain sentence as comment. An mp4
also has the source type in XMP, where the IPTC requires it, in a box of its own (XMP Specification, part 3).
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
TAGS = ("digital_source_type", "software", "engine", "comment")


def provenance_tags(engine: str) -> dict[str, str]:
    """The AI mark as metadata tags, for a film that ``engine`` (name and version) rendered."""
    from ..version import __version__

    software = f"Lipsmith {__version__}"
    return {
        "digital_source_type": SOURCE_TYPE,
        "software": software,
        "engine": engine or "unknown",
        "comment": f"AI-generated: the mouth in this film was made to follow the speech by {software}.",
    }


def xmp_box(software: str) -> bytes:
    """The AI mark as XMP in a top-level ``uuid`` box (ISO 14496-12), to append to an mp4."""
    text = XMP.format(source_type=SOURCE_TYPE, software=software).encode()
    return (8 + len(XMP_BOX) + len(text)).to_bytes(4, "big") + b"uuid" + XMP_BOX + text


def find_provenance(metadata: dict[str, str]) -> dict[str, str] | None:
    """The AI mark in a container's metadata, or None. Case does not matter: webm writes its keys in capitals."""
    lower = {key.lower(): value for key, value in metadata.items()}
    if "digital_source_type" not in lower:
        return None
    return {key: lower[key] for key in TAGS if key in lower}
