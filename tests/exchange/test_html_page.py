"""A model as one page that needs no server: what is in it, and in a browser what it does."""

import html
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
import torch

from latentlab.config import ModelConfig
from latentlab.errors import InputError
from latentlab.exchange.html_page import export_html
from latentlab.exchange.model_card import model_card
from latentlab.storage import ModelHeader, Points
from latentlab.utils.palettes import class_colours
from tests.exchange.test_onnx_export import untrained

HOSTILE = '</script><img src=x onerror="alert(1)"> a | b'


def with_points(name, classes=("a", "b", "c"), **changes):
    model = untrained(name, classes, **changes)
    generator = np.random.default_rng(0)
    mean = generator.standard_normal((50, model.latent_dim)).astype(np.float32)
    model.points = Points(mean, np.ones_like(mean), generator.integers(-1, 3, 50))
    return model


def content(path):
    """The data in a page."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text(), re.DOTALL)
    return json.loads(found[1])


def test_a_small_network_is_decoded_in_the_page_and_all_points_are_there(tmp_path):
    written = export_html(with_points("vae"), tmp_path / "page.html", title="mine")
    assert (written["points"], written["of"], written["decoder"]) == (50, 50, "network")
    data = content(tmp_path / "page.html")
    assert data["title"] == "mine"
    assert data["classes"] == ["a", "b", "c"]
    assert len(data["network"]["layers"]) == 2
    assert "pictures of points are reconstructions" in data["facts"]


def test_another_network_has_images_that_were_decoded_before_and_says_so(tmp_path):
    written = export_html(with_points("cvae"), tmp_path / "page.html")
    data = content(tmp_path / "page.html")
    assert written["decoder"] == "grid"
    assert data["network"] is None
    assert "nearest of 33 × 33 that were decoded beforehand" in data["footer"]


def test_a_name_that_reads_like_a_mark_of_the_page_is_a_name(tmp_path):
    export_html(with_points("vae"), tmp_path / "page.html", title="/*DECODER*/ /*PAGE*/")
    assert content(tmp_path / "page.html")["title"] == "/*DECODER*/ /*PAGE*/"


def test_a_negative_elbo_has_a_minus_sign_and_a_recipe_keeps_its_hyphen(tmp_path):
    model = with_points("beta-vae")
    model.header = model.header.model_copy(update={"metrics": {"validation_elbo": -95.25}})
    export_html(model, tmp_path / "page.html")
    facts = content(tmp_path / "page.html")["facts"]
    assert "beta-vae" in facts
    assert "ELBO −95.2 nats" in facts


def test_the_page_asks_nothing_of_the_network_and_names_cannot_end_a_script(tmp_path):
    model = with_points("vae", (HOSTILE, "b", "c"))
    export_html(model, tmp_path / "page.html", title=HOSTILE)
    page = (tmp_path / "page.html").read_text()
    assert not re.search(r"(src|href)\s*=\s*[\"']?https?:", page)
    assert "default-src 'none'" in page
    assert page.count("</script>") == 3
    assert content(tmp_path / "page.html")["classes"][0] == HOSTILE


def test_codes_have_no_page(tmp_path):
    with pytest.raises(InputError, match="map of plain latents"):
        export_html(untrained("vq-vae"), tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
USE = """<script>
addEventListener("load", () => setTimeout(() => {
  const map = document.getElementById("map"), box = map.getBoundingClientRect();
  const at = (kind, x, y, buttons) => map.dispatchEvent(new PointerEvent(kind, { clientX: box.left + x,
    clientY: box.top + y, button: 0, buttons, pointerId: 1 }));
  map.setPointerCapture = () => {};
  const pixels = () => Array.from(document.getElementById("image").getContext("2d").getImageData(0, 0, 16, 16).data)
    .filter((_, i) => i % 4 === 0);
  const answers = { before: pixels(), where: [document.getElementById("where").textContent] };
  at("pointerdown", 40, 60, 1); at("pointerup", 40, 60, 0);
  answers.after = pixels(); answers.where.push(document.getElementById("where").textContent);
  const slider = document.querySelector("#sliders input");
  slider.value = 1.5; slider.dispatchEvent(new Event("input"));
  answers.slid = pixels(); answers.where.push(document.getElementById("where").textContent);
  map.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp", cancelable: true }));
  answers.where.push(document.getElementById("where").textContent);
  document.querySelector("#legend button").click();
  answers.pressed = document.querySelector("#legend button").getAttribute("aria-pressed");
  document.title = JSON.stringify(answers);
}, 300));
</script></body>"""


def answers_of(folder, model, script):
    """What a script tells in the title of the model's page, in a browser."""
    export_html(model, folder / "page.html")
    page = folder / "used.html"
    page.write_text((folder / "page.html").read_text().replace("</body>", script))
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync"
    command = [CHROMIUM, *flags.split(), f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=5000"]
    done = subprocess.run([*command, "--dump-dom", page.as_uri()], capture_output=True, timeout=120, check=True)
    title = re.search(r"<title>(.*?)</title>", done.stdout.decode(), re.DOTALL)[1]
    return json.loads(html.unescape(title))


LOOK = """<script>
addEventListener("load", () => setTimeout(() => {
  const map = document.getElementById("map");
  const pixels = map.getContext("2d").getImageData(0, 0, map.width, map.height).data;
  let black = 0;
  for (let i = 0; i < pixels.length; i += 4)
    black += pixels[i] + pixels[i + 1] + pixels[i + 2] === 0 && pixels[i + 3] === 255;
  document.title = JSON.stringify({
    black: black / (pixels.length / 4),
    colours: Array.from(document.querySelectorAll("#legend i"), mark => getComputedStyle(mark).backgroundColor),
    fixed: document.getElementById("fixed").textContent,
    sliders: document.querySelectorAll("#sliders input").length,
  });
}, 300));
</script></body>"""


@pytest.mark.real
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_in_a_browser_black_is_black_and_classes_have_the_colours_of_the_window(tmp_path):
    model = with_points("vae", tuple("abcdefghij"))
    with torch.no_grad():
        model.module.decoder.pixels.weight.zero_()
        model.module.decoder.pixels.bias.fill_(-30.0)
    model.points = Points(model.points.mean, model.points.std, np.arange(50) % 10)
    answers = answers_of(tmp_path, model, LOOK)
    assert answers["black"] > 0.3  # the manifold's square in the middle of a wider map
    assert answers["colours"] == ["rgb({}, {}, {})".format(*colour) for colour in class_colours(10).tolist()]
    assert (answers["sliders"], answers["fixed"]) == (2, "")


@pytest.mark.real
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_in_a_browser_images_that_were_decoded_before_say_what_is_fixed(tmp_path):
    model = with_points("cvae", latent_dim=3)
    answers = answers_of(tmp_path, model, LOOK)
    assert answers["sliders"] == 0
    mean = ", ".join(f"{value:.2f}".replace("-", "−") for value in model.points.mean.mean(axis=0))
    assert f"principal components through z = ({mean})" in answers["fixed"]


def test_dimensions_that_are_not_on_the_map_are_said_to_be_fixed(tmp_path):
    model = with_points("cvae", latent_dim=3)
    model.points = None
    export_html(model, tmp_path / "page.html")
    assert content(tmp_path / "page.html")["fixed"] == "The images are those of z1 and z2: z3 is fixed at 0."


@pytest.mark.real
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_in_a_browser_a_click_a_slider_and_a_key_decode_as_the_model_does(tmp_path):
    model = with_points("vae")
    answers = answers_of(tmp_path, model, USE)

    def decoded(where):
        z = np.array([[float(value) for value in re.findall(r"-?\d+\.\d+", where)]], np.float32)
        return model.decode(z)[0, 0].reshape(-1) * 255

    for pixels, where in zip(("before", "after", "slid"), answers["where"], strict=False):
        # What the page tells of z is rounded to .01.
        np.testing.assert_allclose(answers[pixels], decoded(where), atol=4)
    assert len(set(answers["where"])) == 4
    assert answers["pressed"] == "false"


def test_a_card_says_what_is_known_and_escapes_names():
    model = untrained("vae").header.model
    header = ModelHeader(
        model=model,
        image_shape=(1, 16, 16),
        classes=(HOSTILE, "b"),
        data={"name": HOSTILE, "images": 100},
        metrics={"validation_elbo": -130.25},
        sha256="ab" * 32,
    )
    card = model_card(header, "run")
    assert "| validation elbo | -130.25 |" in card.replace("\\_", "_")
    assert "ab" * 32 in card
    assert "<img" not in card.replace("\\<img", "")
    rows = [line for line in card.splitlines() if line.startswith("|") and "Classes" in line]
    assert re.sub(r"\\\|", "", rows[0]).count("|") == 3
    assert "latentlab run" in card


@pytest.mark.parametrize(("name", "title"), [("MyVAE", "MyVAE"), ("", "A model of another program")])
def test_the_card_of_a_model_of_another_program_has_its_own_name(name, title):
    model = ModelConfig(recipe="onnx", family="foreign")
    card = model_card(ModelHeader(model=model, image_shape=(1, 4, 4), sha256="ab" * 32), "package", name)
    assert card.splitlines()[0] == f"# {title}"
