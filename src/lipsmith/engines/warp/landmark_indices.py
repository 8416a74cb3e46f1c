"""Indices of the FaceMesh landmarks that the engine uses: lips, corners, and the skin around the mouth.

Left and right are the image's left and right.
"""

from __future__ import annotations

import numpy as np

# The four lip contours, 11 points each from the left corner to the right one; upper and lower share their corners.
OUTER_UPPER = [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291]
OUTER_LOWER = [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291]
INNER_UPPER = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308]
INNER_LOWER = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308]

UPPER_RINGS = np.array(
    [
        OUTER_UPPER,
        [76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306],
        [62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292],
        INNER_UPPER,
    ]
)
"""(4, 11) upper lip: outer contour first, inner contour last."""
LOWER_RINGS = np.array(
    [
        OUTER_LOWER,
        [76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306],
        [62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292],
        INNER_LOWER,
    ]
)
"""(4, 11) lower lip: outer contour first, inner contour last."""
OUTER_CORNERS = ((61, -1), (291, 1))
"""The outer mouth corners, each with its side: -1 left, 1 right."""
INNER_MIDDLE = (13, 14)
"""Middle of the upper and of the lower inner contour."""
CORNERS = [61, 291, 78, 308, 76, 306, 62, 292]
UPPER_LIP = sorted(set(UPPER_RINGS[:, 1:-1].ravel().tolist()))
LOWER_LIP = sorted(set(LOWER_RINGS[:, 1:-1].ravel().tolist()))
LIPS = sorted({*UPPER_LIP, *LOWER_LIP, *CORNERS})

_OVAL = [152, 148, 377, 176, 400, 149, 378, 150, 379, 136, 365, 172, 397, 58, 288, 132, 361, 93, 323, 234, 454]
_BELOW_LIP = [
    *(18, 200, 199, 175, 83, 313, 182, 406, 194, 418, 201, 421, 208, 428, 32, 262, 140, 369, 170, 395, 211, 431),
    *(171, 396),
]
_CHEEKS = [
    *(57, 287, 43, 273, 212, 432, 202, 422, 204, 424, 214, 434, 210, 430, 192, 416, 135, 364, 169, 394, 186, 410),
    *(92, 322, 216, 436, 206, 426, 203, 423, 207, 427, 187, 411, 205, 425, 50, 280, 106, 335, 138, 367, 215, 435),
    *(177, 401, 147, 376),
]
_NOSE = [164, 165, 391, 167, 393, 2, 97, 326, 98, 327, 94, 129, 358, 1, 4, 102, 331, 49, 279, 36, 266]
_MIDFACE = [119, 348, 101, 330, 117, 346, 123, 352, 227, 447, 116, 345, 6, 197]
_SHARED = [*_CHEEKS, *_OVAL, *_MIDFACE, 76, 306, 62, 292]

UPPER_LAYER = np.array(list(dict.fromkeys([*UPPER_RINGS.ravel().tolist(), *_NOSE, *_SHARED])))
"""Control points of the upper warp layer: upper lip, nose, and the cheeks and jaw that both layers share."""
LOWER_LAYER = np.array(list(dict.fromkeys([*LOWER_RINGS.ravel().tolist(), *_BELOW_LIP, *_SHARED])))
"""Control points of the lower warp layer: lower lip, chin, and the shared ones."""
CHIN = [152, 148, 377, 176, 400, 200, 199, 175, 14, 17]
"""Points from which the jaw's angle is measured."""
CHEEK_PATCHES = [205, 425, 50, 280, 187, 411, 207, 427]
"""Where the colour of the skin is measured."""
