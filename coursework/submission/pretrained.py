"""Signs of pretrained weights in a source, by its syntax: a reminder, no proof that there are none."""

import ast
from typing import Any

from coursework.submission.imports import Source
from coursework.util.errors import UserError

# Packages and modules whose purpose is to bring networks that others have trained.
LIBRARIES = (
    *("keras.applications", "tensorflow.keras.applications", "tf_keras.applications", "keras_applications"),
    *("keras_hub", "keras_cv", "keras_nlp", "tensorflow_hub", "torch.hub", "torchvision.models", "timm"),
    *("transformers", "diffusers", "huggingface_hub", "kagglehub", "open_clip", "clip", "lpips", "torch_fidelity"),
    *("cleanfid", "pytorch_fid", "segmentation_models", "efficientnet", "sentence_transformers", "onnxruntime"),
    *("keras.utils.get_file", "tensorflow.keras.utils.get_file"),
)
# Names of functions that fetch such networks, in any library.
NAMES = ("load_pretrained", "from_pretrained", "from_preset", "load_state_dict_from_url", "hf_hub_download")
# How the argument `weights` of libraries begins that name data which their networks were trained on, in lower case.
WEIGHTS = ("imagenet", "default", "noisy-student", "coco", "openai", "laion", "pretrained")


def findings(source: Source) -> list[tuple[int, str]]:
    """Return [(line, what is there)] of a `Source`, sorted; empty where nothing speaks of pretrained weights.

    Names are followed through `import ... as ...`, and through `getattr` and `eval` of text that is written out.
    """
    found = [(line, f"imports {name}") for name, line in source.targets if _is_library(name)]
    found += [(line, f"imports {name}") for name, line in source.targets if name.rpartition(".")[2] in NAMES]
    aliases = _aliases(source)
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in NAMES:
            found.append((node.lineno, f"defines {node.name}"))
        elif isinstance(node, ast.Name) and node.id in NAMES:
            found.append((node.lineno, f"uses {node.id}"))
        elif isinstance(node, ast.Attribute | ast.Call) and (written := _dotted(node)):
            first, dot, rest = written.partition(".")
            if written.rpartition(".")[2] in NAMES or _is_library(aliases.get(first, first) + dot + rest):
                found.append((node.lineno, f"uses {written}"))
        if isinstance(node, ast.Call):
            found += [(node.lineno, words) for keyword in node.keywords if (words := _keyword(keyword))]
    for text, line in source.run_texts:
        found += [(line, words) for _, words in _findings_in(text, source)]
    return sorted(set(found))


def _findings_in(text: str, source: Source) -> list[tuple[int, str]]:
    """Return the findings in text that a source runs; it uses the names that the source imports."""
    imports = "\n".join(ast.unparse(node) for node in source.nodes if isinstance(node, ast.Import | ast.ImportFrom))
    try:
        return [
            each for each in findings(Source(source.path, f"{imports}\n{text}")) if not each[1].startswith("imports")
        ]
    except UserError:
        # Running it would fail.
        return []


def _aliases(source: Source) -> dict[str, str]:
    """Return {name in the source: dotted name of what it imports under that name}."""
    found: dict[str, str] = {}
    for node in source.nodes:
        if isinstance(node, ast.Import):
            found |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _keyword(keyword: ast.keyword) -> str:
    """Return what an argument such as weights="imagenet" or pretrained=True says, "" for any other."""
    value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
    if keyword.arg == "pretrained" and value is True:
        return "asks for pretrained=True"
    if keyword.arg == "weights" and isinstance(value, str) and value.lower().startswith(WEIGHTS):
        return f"asks for weights={value!r:.60}"
    return ""


def _is_library(name: str) -> bool:
    return any(name == library or name.startswith(f"{library}.") for library in LIBRARIES)


def _dotted(node: Any) -> str:
    """Return an attribute as a dotted name, "keras.applications.VGG16", and `getattr` of one like it; "" for others."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
        name = node.args[1] if len(node.args) > 1 else None
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            return f"{_dotted(node.args[0])}.{name.value}"
    return ""
