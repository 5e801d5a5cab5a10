# SPDX-License-Identifier: BSD-3-Clause
"""Build the documentation: Markdown pages and the generated reference to HTML, without any network.

Usage: python docs/build.py OUTPUT
"""

import shutil
import sys
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pipeline_picture import draw
from reference import PAGES

HERE = Path(__file__).resolve().parent
DRAWN = {"images/pipeline.svg": draw}
"""Pictures that are drawn from the code whenever the documentation is built."""
PARTS = {"tutorial": "Tutorial", "howto": "How to", "reference": "Reference", "explanation": "Explanation"}


def sources() -> dict[str, str]:
    """Return the Markdown of every page by its path, in the order of the menu."""
    pages = {"index.md": (HERE / "index.md").read_text(encoding="utf-8")}
    for part in PARTS:
        if part == "reference":
            pages |= {f"reference/{name}": write() for name, write in PAGES.items()}
        for path in sorted((HERE / part).glob("*.md")):
            pages[f"{part}/{path.name}"] = path.read_text(encoding="utf-8")
    return pages


def title(markdown: str) -> str:
    """Return the heading of a page."""
    first = markdown.split("\n", 1)[0]
    if not first.startswith("# "):
        raise SystemExit(f"a page must begin with its title, '# ...', not with {first!r}")
    return first.removeprefix("# ")


def relink(tokens: list[Token], page: str, known: dict[str, str]) -> None:
    """Point links from Markdown to HTML; a link or picture that leads nowhere ends the build."""
    for token in tokens:
        relink(token.children or [], page, known)
        attribute = {"link_open": "href", "image": "src"}.get(token.type)
        target = str(token.attrs.get(attribute, "")) if attribute else ""
        if not target or "://" in target or target.startswith("#"):
            continue
        file, hash, anchor = target.partition("#")
        reached = (HERE / page).parent.joinpath(file).resolve()
        is_page = reached.suffix == ".md"
        name = str(reached.relative_to(HERE))
        if not (name in known if is_page else name in DRAWN or reached.exists()):
            raise SystemExit(f"docs/{page} links to {target}, which does not exist")
        if is_page:
            token.attrs[attribute or ""] = link(file) + hash + anchor


def menu(pages: dict[str, str], up: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return for each part its name and its pages, as (link, title)."""
    return [
        (
            name,
            [(up + link(page), title(text)) for page, text in pages.items() if page.startswith(f"{part}/")],
        )
        for part, name in PARTS.items()
    ]


def link(page: str) -> str:
    """Return where a page is found once it is built."""
    return page.removesuffix(".md") + ".html"


def build(output: Path) -> list[Path]:
    """Write all pages below a folder and return them."""
    pages = sources()
    markdown = MarkdownIt("commonmark").enable("table")
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined)
    template = environment.get_template("page.html")
    shutil.copytree(HERE / "images", output / "images", dirs_exist_ok=True)
    for name, picture in DRAWN.items():
        (output / name).write_text(picture(), encoding="utf-8")
    written = []
    for page, text in pages.items():
        up = "../" * page.count("/")
        tokens = markdown.parse(text)
        relink(tokens, page, pages)
        body = markdown.renderer.render(tokens, markdown.options, {})
        path = output / link(page)
        path.parent.mkdir(parents=True, exist_ok=True)
        html = template.render(title=title(text), menu=menu(pages, up), body=body, home=up + "index.html")
        path.write_text(html, encoding="utf-8")
        written.append(path)
    return written


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    print(f"{len(build(Path(sys.argv[1])))} pages in {sys.argv[1]}")
