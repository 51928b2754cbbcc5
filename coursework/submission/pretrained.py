"""Signs of pretrained weights in a source, by its syntax: libraries that bring them, and calls that fetch them."""

import ast

from coursework.submission.imports import Source

# Packages and modules whose purpose is to bring networks that others have trained.
LIBRARIES = (
    *("keras.applications", "tensorflow.keras.applications", "tf_keras.applications", "keras_applications"),
    *("keras_hub", "keras_cv", "keras_nlp", "tensorflow_hub", "torch.hub", "torchvision.models", "timm"),
    *("transformers", "diffusers", "huggingface_hub", "kagglehub", "open_clip", "clip", "lpips", "torch_fidelity"),
    *("cleanfid", "pytorch_fid", "segmentation_models", "efficientnet", "sentence_transformers", "onnxruntime"),
)
# Names of functions that fetch such networks, in any library.
NAMES = ("load_pretrained", "from_pretrained", "from_preset", "get_file", "load_state_dict_from_url", "hf_hub_download")


def findings(source: Source) -> list[tuple[int, str]]:
    """Return [(line, what is there)] of a `Source`, sorted; empty where nothing speaks of pretrained weights."""
    found = [(line, f"imports {name}") for name, line in source.targets if _is_library(name)]
    found += [(line, f"imports {name}") for name, line in source.targets if name.rpartition(".")[2] in NAMES]
    found += [(line, "imports or runs what it computes, so that it cannot be checked") for line in source.computed]
    for node in source.nodes:
        if isinstance(node, ast.Attribute):
            chain = _chain(node)
            if node.attr in NAMES or _is_library(chain) or chain.endswith(".applications"):
                found.append((node.lineno, f"uses {chain}"))
        elif isinstance(node, ast.Name) and node.id in NAMES:
            found.append((node.lineno, f"uses {node.id}"))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in NAMES:
            found.append((node.lineno, f"defines {node.name}"))
        elif isinstance(node, ast.Call):
            found += [(node.lineno, words) for keyword in node.keywords if (words := _keyword(keyword))]
    return sorted(set(found))


def _keyword(keyword):
    """Return what an argument such as weights="imagenet" or pretrained=True says, "" for any other."""
    value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
    if keyword.arg == "pretrained" and value is True:
        return "asks for pretrained=True"
    # "last" and "best" are those of a run of this package.
    if keyword.arg == "weights" and isinstance(value, str) and value not in ("last", "best"):
        return f"asks for weights={value!r:.60}"
    return ""


def _is_library(name):
    return any(name == library or name.startswith(f"{library}.") for library in LIBRARIES)


def _chain(node):
    """Return an attribute as it is written: "keras.applications.VGG16"."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    return ".".join([node.id if isinstance(node, ast.Name) else "", *parts])
