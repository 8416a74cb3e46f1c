"""The page's own texts in English and Chinese; the browser's language chooses. Engines bring their options' texts."""

TEXTS: dict[str, tuple[str, str]] = {
    "title": ("# Lipsmith\n\nA video or a picture says a speech.", "# Lipsmith\n\n让视频或图片说出一段语音。"),
    "video": ("Video", "视频"),
    "picture": ("... or a picture", "……或一张图片"),
    "speech": ("Speech (left out: the video's own sound)", "语音（留空则用视频自带的声音）"),
    "engine": ("Engine", "引擎"),
    "engine.info": ("auto: the best one that can run here", "auto：此机器上可用的最佳引擎"),
    "more": ("Who speaks, frame rate", "谁说话、帧率"),
    "faces": ("Faces", "人脸"),
    "faces.info": ("largest, all, left, right, or a number from the left", "largest、all、left、right，或从左数的序号"),
    "fps": ("Frames per second", "帧率"),
    "fps.info": ("a number, or source for the video's own", "数字，或 source 表示视频自身的帧率"),
    "test": ("1. Test first frame", "1. 测试首帧"),
    "generate": ("2. Generate", "2. 生成"),
    "box": ("First frame", "首帧"),
    "sheet": ("The loudest moment of the speech", "语音最响的片刻"),
    "result": ("Result", "结果"),
    "note": ("Made by AI: say so where you show it, and use only faces and voices you may use.",
             "由人工智能生成：展示时请注明，并只使用您有权使用的面孔和声音。"),
}  # fmt: skip
"""Name -> English, Chinese."""
