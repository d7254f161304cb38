"""Names for what is stored in registries and is not an image."""

from __future__ import annotations

# By a part of the artifact type, or of the media type of config or layer; the first that fits.
_KNOWN = (
    ("helm.chart", "a Helm chart"),
    ("helm.config", "a Helm chart"),
    ("cosign", "a Cosign signature"),
    ("sigstore", "a Sigstore bundle"),
    ("notary", "a Notary signature"),
    ("in-toto", "a build attestation"),
    ("spdx", "a software bill of materials (SPDX)"),
    ("cyclonedx", "a software bill of materials (CycloneDX)"),
    ("ollama", "an Ollama model"),
    ("cncf.model", "a model"),
    ("docker.ai", "a model"),
    ("buildkit.cacheconfig", "a build cache of BuildKit"),
    ("docker.plugin", "a Docker plugin"),
    ("wasm", "a WebAssembly module"),
    ("sylabs.sif", "a Singularity image"),
    ("devcontainers", "a dev container feature"),
    ("compose.project", "a Compose project"),
    ("flux", "a Flux artifact"),
    ("opa", "an Open Policy Agent bundle"),
)


def name_artifact(media_type: str) -> str:
    """Name what a media type stands for, with its article, as part of a sentence."""
    for part, name in _KNOWN:
        if part in media_type.lower():
            return name
    if media_type == "application/vnd.oci.empty.v1+json":
        return "an artifact of no stated type"
    return f"an artifact of type {media_type[:200]!r}"
