"""As vLLM 0.30 has them: neither is a ValueError or a RuntimeError."""


class VLLMClientError(Exception):
    pass


class VLLMValidationError(VLLMClientError):
    pass


class VLLMServerError(Exception):
    pass


class EngineDeadError(VLLMServerError):
    pass
