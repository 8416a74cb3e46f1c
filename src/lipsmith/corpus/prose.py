"""English sentences as people say them, for voices whose rhythm comes from the meaning; all our own.

A sentence is a pattern whose gaps are filled with words. The words cover the phones of English in every place, and the
patterns its tunes: statements, questions, lists, exclamations, asides. The same random generator gives the same text.
"""

from __future__ import annotations

import re
from random import Random

_WORDS = {
    "thing": (
        "bakery basket beam boot bowl branch bubble button cabin camera carpet chapel cherry cloud coin cook "
        "cousin cup dancer diary dog door dragon drum eagle elbow engine envelope fence fiddle field fossil "
        "fountain fox garage gate ghost glove goat guitar hammer harbour helmet horse idea island jar jewel "
        "journey juggler kettle key kitchen lake lamp leaf lemon library machine map measure meadow mirror moth "
        "mountain mouse museum needle noise nurse oak oil onion orchard oven owl painter palm paper pear pigeon "
        "pillow plumber pocket puzzle queen question rabbit radio river robot rope sandwich saw scarf shadow shelf "
        "ship shovel silver spoon stove sugar sweater table teapot thumb ticket tower toy treasure trumpet tunnel "
        "umbrella uncle van vase vault village violin voice voyage wagon watch wave whale wheel window witch wolf "
        "yacht yard youth zipper zoo"
    ),
    "kind": (
        "ancient awful bitter blue bold brave calm careful cheap clever cold crooked curious damp deep dizzy dull "
        "eager early empty fancy fat few foggy fresh funny gentle golden green handsome harsh heavy hollow huge "
        "humble icy jolly large lazy loose lovely lucky modern muddy narrow noisy odd orange pale plain polite "
        "proud purple quick quiet rare rough round royal rude sharp shiny short silly smooth soft sour stiff "
        "strange sweet thick thin tiny tough unusual useful vague vivid warm weird wild wise wooden yellow young"
    ),
    "did": (
        "admired believed blamed borrowed brought bought built buried carried caught chose cleaned counted covered "
        "described dropped examined fetched fixed followed forgot found gave guarded heard hid imagined invented "
        "judged kept lent lifted lost loved measured mended missed moved noticed opened ordered owned packed "
        "painted photographed polished praised pushed reached refused remembered repaired saved searched shook "
        "shared sold threw touched tried used visited wanted warned washed watched wrapped"
    ),
    "who": (
        "Abby Arthur Beth Boris Chloe Clive Daphne Dominic Edith Ethan Faith Felix Giles Gloria Harvey Heather Ian "
        "Iris Jasper Joan Judith Keith Kim Louis Lucy Maeve Matthew Nadia Noah Oona Otto Phoebe Piers Rebecca Roy "
        "Sasha Sean Theo Thelma Ursula Vera Vince Walter Wendy Yusuf Yvonne Zach Zoe"
    ),
    "number": (
        "two three four five six seven eight nine ten eleven twelve fifteen sixteen twenty thirty fifty a-hundred"
    ),
}
_PHRASES = {
    "where": (
        "by the sea|next door|under the stairs|at the back of the shop|in the whole valley|across the road|"
        "on the roof|between the two houses|near the old chapel|at my mother's house|outside in the rain|"
        "beside the pool|in Brighton|out of the window|over there|far from here|above the fireplace|"
        "in the wrong box"
    ),
    "when": (
        "this morning|a week ago|on Thursday|before lunch|after the film|every other Sunday|in the spring|"
        "all night long|years ago|at twenty past four|right away|just in time|during the storm|"
        "once in a while|by the end of May|at last"
    ),
}
WORDS = {name: [word.replace("-", " ") for word in words.split()] for name, words in _WORDS.items()} | {
    name: phrases.split("|") for name, phrases in _PHRASES.items()
}
PATTERNS = """<who> <did> the <kind> <thing> <where>.
<when>, <who> <did> <number> <kind> <thing>s and a <thing>.
I never knew that a <thing> could be so <kind>.
Why would anybody put a <thing> <where>?
You should have seen the <thing>: it was <kind>, <kind>, and as big as a <thing>!
Good evening, and thank you all for joining us <where>.
My name is <who>, and I'd like to tell you about my <thing>.
If I were you, I'd leave the <thing> where it is.
The <thing> is <kind>; the <thing>, on the other hand, is far too <kind>.
Have you ever asked yourself how a <thing> is made?
No, wait, that isn't what <who> meant.
<who> and <who> both <did> the same <thing> <when>.
Bring me the <thing>, a <kind> <thing>, and some butter, please.
There's a <kind> <thing> <where>, and nobody knows whose it is.
It takes <number> minutes to get from the <thing> to the <thing>.
Maybe it's true, but I'd rather hear it from <who>.
We laughed, we argued, and <when> we bought a <thing>.
How about a walk to the <thing> <when>?
What a <kind> thing to say!
Every <thing> has a story, and this is the story of mine.
The more I look at your <thing>, the better I like it.
Between you and me, <who> has always been a little <kind>.
Let's begin with something easy: what makes a <thing> <kind>?
She says her father <did> <number> <thing>s in a single afternoon.
Of course I know the way; I've been there <number> times.
Please move the <thing> a bit further to the left, will you?
Whoever <did> this <thing> must have been very <kind>.
Could we have the <kind> one instead of the <kind> one?
Up here the air is <kind>, the food is <kind>, and people are <kind>.
Half of the <thing>s were <kind>, and the other half were <kind>.
I bet you fifty pounds that the <thing> won't fit.
Oh dear, who left the <thing> out in the rain?
Most people think of a <thing> as something <kind>, but that's not the whole picture.
In this video we'll show you <number> ways to improve your <thing>.
Back home we'd call that a <kind> <thing>.
As far as I can tell, the <thing> belongs to <who>.
Whatever happens, don't forget to feed the <thing>.
Give it a push, count to <number>, and jump.
They were both <kind> people, full of hope and full of pepper soup.
Honest work, fair pay, good food: what else would you want?
Sure, you can borrow my <thing>, as long as you bring it back <when>.
Above all, a <thing> should be useful, and only then beautiful.
The weather has been <kind> <where>, with strong wind from the north.
One moment, I'll just ask <who> about the <thing>.
You won't believe what we found <where>: a <kind> <thing>!
Not every <thing> is a <thing>, as my grandmother used to say.""".splitlines()


def natural_sentence(random: Random) -> str:
    """One or two sentences of English."""
    first = _filled(random)
    return f"{first} {_filled(random)}" if random.random() < 0.5 else first


def _filled(random: Random) -> str:
    text = re.sub("<([a-z]+)>", lambda gap: random.choice(WORDS[gap[1]]), random.choice(PATTERNS))
    text = re.sub(r"\b([Aa]) (?=[aeiou])(?!use|uni|one)", r"\1n ", text)
    return text[0].upper() + text[1:]
