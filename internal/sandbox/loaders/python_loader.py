"""The Python loader: loads a function's handler and answers invocations over
the Runtime API, as AWS's own runtime client does (its behaviour, error shapes
and log lines; LDG:python-handler, LDG:python-exceptions, LDG:python-logging).

It speaks HTTP/1.1 on an inherited socket (file descriptor 3); the answer of one
invocation and the question for the next one leave in one write. The interpreter
is started without site and, where the function's environment allows it,
isolated, because importing site and its .pth files costs more than all the rest
of a start; what site would have provided is made up for here, lazily where
possible (see _SiteFinder and _LoggingFinder).
"""

import os
import sys
import time
from posix import read as _read, write as _write

_SOCKET = 3
_STDOUT = 1
_NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: runtime\r\n\r\n"
_POST = "POST /2018-06-01/runtime/%s HTTP/1.1\r\nHost: runtime\r\nContent-Type: %s\r\n%sContent-Length: %d\r\n\r\n"
_LEVEL_FRAMES = {0: 0, 10: 2, 20: 3, 30: 4, 40: 5, 50: 6}

_WARNING = (
    "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. However, in rare "
    "cases, a Lambda runtime update can cause unexpected function behavior. For functions using managed runtimes, "
    "runtime updates can be triggered by a function change, or can be applied automatically. To determine if the "
    "runtime has been updated, check the runtime version in the INIT_START log entry. If this error correlates with a "
    "change in the runtime version, you may be able to mitigate this error by temporarily rolling back to the previous "
    "runtime version. For more information, see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html\r"
)

_request_id = None
_json_logs = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"


class Fault(Exception):
    """An error that the runtime itself reports, as Runtime.Kind."""

    def __init__(self, kind, message, trace=None):
        super().__init__(message)
        self.kind = "Runtime." + kind
        self.message = message
        self.trace = trace


# ---- log frames -------------------------------------------------------------


def _write_all(fd, data):
    view = memoryview(data)
    while view:
        view = view[_write(fd, view):]


def _log_frame(text, level=0):
    """One log event, line breaks included: 4 bytes of type, 4 of length, 8 of
    time in microseconds, then the message, as between AWS's runtimes and their
    host."""
    data = text.encode("utf-8", "backslashreplace")
    kind = (0xA55A0002 if _json_logs else 0xA55A0003) | _LEVEL_FRAMES.get(level, 0) << 2
    head = kind.to_bytes(4, "big") + len(data).to_bytes(4, "big") + (time.time_ns() // 1000).to_bytes(8, "big")
    _write_all(_STDOUT, head + data)


def _log_error(error):
    if _json_logs:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        _log_frame(_encode({"timestamp": now, "log_level": "ERROR", **error}), 40)
        return
    title = "[ERROR]"
    if error["errorType"]:
        title += " " + error["errorType"]
    if error["errorMessage"]:
        title += (":" if error["errorType"] else "") + " " + error["errorMessage"]
    lines = [title, "Traceback (most recent call last):"]
    for element in error["stackTrace"]:
        for line in element.splitlines() or [""]:
            text = line.lstrip(" ")
            lines.append("\u00a0" * (len(line) - len(text)) + text)
    _log_frame("\n".join(lines), 40)


# ---- logging ------------------------------------------------------------------


def _setup_logging(logging):
    """Gives the root logger AWS's handler."""

    class LambdaLoggerHandler(logging.Handler):
        def emit(self, record):
            _log_frame(self.format(record), min(50, max(0, record.levelno)) // 10 * 10)

    class LambdaLoggerFilter(logging.Filter):
        def filter(self, record):
            record.aws_request_id = _request_id or ""
            return True

    logging.Formatter.converter = time.gmtime
    handler = LambdaLoggerHandler()
    handler.addFilter(LambdaLoggerFilter())
    if _json_logs:
        handler.setFormatter(_json_formatter(logging))
    else:
        handler.setFormatter(logging.Formatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n", "%Y-%m-%dT%H:%M:%S"))
    root = logging.getLogger()
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper().replace("TRACE", "DEBUG").replace("FATAL", "CRITICAL")
    if level in logging._nameToLevel:
        root.setLevel(level)
    root.addHandler(handler)


def _json_formatter(logging):
    standard = set(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"aws_request_id", "asctime", "message"}

    class JsonFormatter(logging.Formatter):
        def format(self, record):
            line = {
                "timestamp": self.formatTime(record, "%Y-%m-%dT%H:%M:%SZ"),
                "level": record.levelname,
                "message": record.getMessage(),
                "logger": record.name,
            }
            if record.exc_info and record.exc_info[0]:
                import traceback

                line["stackTrace"] = traceback.format_tb(record.exc_info[2])
                line["errorType"] = record.exc_info[0].__name__
                line["errorMessage"] = str(record.exc_info[1])
            line["requestId"] = record.aws_request_id
            if record.exc_info:
                line["location"] = "%s:%s:%d" % (record.pathname, record.funcName, record.lineno)
            for key, value in record.__dict__.items():
                if key not in standard and key not in line:
                    line[key] = value
            return _json.dumps(line, ensure_ascii=False, default=str) + "\n"

    return JsonFormatter()


class _LoggingFinder:
    """Sets logging up at the moment it is first imported: the import alone
    takes as long as the interpreter's whole start."""

    def find_spec(self, name, path=None, target=None):
        if name != "logging":
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                break
        else:
            return None
        loader = spec.loader
        execute = loader.exec_module

        def exec_module(module):
            execute(module)
            _setup_logging(module)

        loader.exec_module = exec_module
        return spec


# ---- where modules are found -----------------------------------------------------


def _site_packages():
    version = "python%d.%d" % sys.version_info[:2]
    roots = [sys.prefix, sys.exec_prefix]
    home = os.path.dirname(os.path.dirname(os.environ.pop("STAGEDOOR_PYTHON", None) or sys.executable))
    if os.path.exists(home + "/pyvenv.cfg"):
        roots.insert(0, home)
    found = []
    for root in roots:
        for place in (root + "/lib/" + version + "/site-packages", root + "/local/lib/" + version + "/dist-packages",
                      root + "/lib/python3/dist-packages"):
            if place not in found and os.path.isdir(place):
                found.append(place)
    return found


class _SiteFinder:
    """The last finder: a module that nothing else knows may be known to a .pth
    file, so site gets its turn, once, before the import fails."""

    def __init__(self, places):
        self.places = places

    def find_spec(self, name, path=None, target=None):
        if path is not None:
            return None
        sys.meta_path.remove(self)
        for place in self.places:
            for file in os.listdir(place):
                if file.endswith(".pth") and file != "distutils-precedence.pth":
                    return self.ask_site(name)
        return None

    def ask_site(self, name):
        import site

        site.main()
        for finder in sys.meta_path:
            spec = finder.find_spec(name, None)
            if spec is not None:
                return spec
        return None


def _setup_path():
    version = "python%d.%d" % sys.version_info[:2]
    task = os.environ["LAMBDA_TASK_ROOT"]
    runtime = os.environ.get("LAMBDA_RUNTIME_DIR", "")
    first = [task]
    if sys.flags.ignore_environment:
        first += [p for p in os.environ.get("PYTHONPATH", "").split(":") if p]
    first += [p for p in ("/opt/python/lib/%s/site-packages" % version, "/opt/python") if os.path.isdir(p)]
    rest = [p for p in sys.path if p not in first and p not in ("", runtime)]
    sys.path[:] = first + rest + [runtime]
    if sys.flags.no_site:
        import builtins
        import _sitebuiltins

        builtins.exit = _sitebuiltins.Quitter("exit", "Ctrl-D (i.e. EOF)")
        builtins.quit = _sitebuiltins.Quitter("quit", "Ctrl-D (i.e. EOF)")
        places = _site_packages()
        sys.path += [p for p in places if p not in sys.path]
        sys.meta_path.append(_SiteFinder(places))
    sys.meta_path.insert(0, _LoggingFinder())


# ---- JSON ---------------------------------------------------------------------


class _Encoder:
    """JSON as AWS's runtime writes it: UTF-8 unescaped since Python 3.12,
    Decimal as the number it is, bytes as text."""

    def __init__(self):
        runtime = os.environ.get("AWS_EXECUTION_ENV", "").rpartition("python3.")[2]
        self.raw = []
        self.encode_plain = _json.JSONEncoder(
            ensure_ascii=not (runtime.isdigit() and int(runtime) >= 12), default=self.default).encode

    def default(self, value):
        if isinstance(value, bytes):
            return value.decode()
        decimal = sys.modules.get("decimal")
        if decimal is not None and isinstance(value, decimal.Decimal):
            if value.is_nan():
                return float("nan")
            self.raw.append(str(value))
            return "\0decimal%d\0" % (len(self.raw) - 1)
        raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)

    def encode(self, value):
        try:
            text = self.encode_plain(value)
            if self.raw:
                import re

                text = re.sub(r'"\\u0000decimal(\d+)\\u0000"', lambda m: self.raw[int(m[1])], text)
            return text
        finally:
            self.raw.clear()


# ---- the handler ----------------------------------------------------------------


def _load_handler(handler):
    name, dot, function = handler.rpartition(".")
    if not dot:
        raise Fault("MalformedHandlerName",
                    "Bad handler '%s': not enough values to unpack (expected 2, got 1)" % handler)
    try:
        if name.split(".")[0] in sys.builtin_module_names:
            raise Fault("BuiltInModuleConflict", "Cannot use built-in module %s as a handler module" % name)
        path = name.replace("/", ".")
        __import__(path)
        module = sys.modules[path]
    except ImportError as e:
        raise Fault("ImportModuleError", "Unable to import module '%s': %s" % (name, e))
    except SyntaxError as e:
        raise Fault("UserCodeSyntaxError", "Syntax error in module '%s': %s" % (name, e),
                    ['  File "%s" Line %s\n    %s' % (e.filename, e.lineno, e.text)])
    try:
        return getattr(module, function)
    except AttributeError:
        raise Fault("HandlerNotFound", "Handler '%s' missing on module '%s'" % (function, name))


def _error(message, kind, stack, request_id):
    error = {"errorMessage": message or "", "errorType": kind or "", "requestId": request_id or "",
             "stackTrace": stack or []}
    if os.environ.get("AWS_EXECUTION_ENV") == "AWS_Lambda_python3.8":
        del error["requestId"]  # AWS recording test_uncaught_exception_invoke: since 3.9
    return error


def _exception_error(request_id):
    import traceback

    kind, value, tb = sys.exc_info()
    frames = [(f.filename, f.lineno, f.name, f.line) for f in traceback.extract_tb(tb)]
    for i, frame in enumerate(frames):
        if frame[0] != __file__ and not frame[0].startswith("<frozen importlib"):
            frames = frames[i:]
            break
    return _error(str(value), kind.__name__, traceback.format_list(frames), request_id)


class CognitoIdentity:
    __slots__ = ["cognito_identity_id", "cognito_identity_pool_id"]


class Client:
    __slots__ = ["installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name"]


class ClientContext:
    __slots__ = ["custom", "env", "client"]


def _fill(kind, values):
    if values is None:
        return None
    made = kind()
    for field in kind.__slots__:
        setattr(made, field, values.get(field))
    return made


def _show(self):
    fields = ",".join("%s=%s" % (f, getattr(self, f, None)) for f in self._shown)
    return "%s([%s])" % (type(self).__name__, fields)


for _kind in (CognitoIdentity, Client, ClientContext):
    _kind._shown = _kind.__slots__
    _kind.__repr__ = _show


class LambdaContext:
    _shown = ("aws_request_id", "log_group_name", "log_stream_name", "function_name", "memory_limit_in_mb",
              "function_version", "invoked_function_arn", "client_context", "identity", "tenant_id")
    __repr__ = _show

    def __init__(self, headers):
        env = os.environ.get
        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.log_group_name = env("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = env("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = env("AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb = env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version = env("AWS_LAMBDA_FUNCTION_VERSION")
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        self.tenant_id = None
        self.client_context = _fill(ClientContext, _header_json(headers, "lambda-runtime-client-context", "Client Context"))
        if self.client_context is not None:
            self.client_context.client = _fill(Client, self.client_context.client)
        identity = _header_json(headers, "lambda-runtime-cognito-identity", "Cognito Identity") or {}
        self.identity = CognitoIdentity()
        self.identity.cognito_identity_id = identity.get("cognitoIdentityId")
        self.identity.cognito_identity_pool_id = identity.get("cognitoIdentityPoolId")
        self._epoch_deadline_time_in_ms = int(headers.get("lambda-runtime-deadline-ms", 0))

    def get_remaining_time_in_millis(self):
        return max(0, self._epoch_deadline_time_in_ms - int(time.time() * 1000))

    def log(self, msg):
        _log_frame(str(msg))


def _header_json(headers, name, what):
    value = headers.get(name)
    if not value:
        return None
    try:
        return _json.loads(value.encode("latin-1"))
    except Exception as e:
        raise Fault("LambdaContextUnmarshalError", "Unable to parse %s JSON: %s" % (what, e))


# ---- Runtime API ------------------------------------------------------------------

_inbox = b""


def _answer():
    """Waits for one HTTP response: status, headers, body."""
    global _inbox
    data = _inbox
    while True:
        end = data.find(b"\r\n\r\n")
        if end >= 0:
            break
        more = _read(_SOCKET, 65536)
        if not more:
            os._exit(0)  # the host is gone
        data = data + more if data else more
    lines = data[:end].decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(": ")
        headers[name.lower()] = value
    length = int(headers.get("content-length", 0))
    start = end + 4
    if len(data) - start < length:
        parts = [data[start:]]
        missing = length - len(parts[0])
        while missing > 0:
            more = _read(_SOCKET, min(missing, 1 << 20))
            if not more:
                os._exit(0)
            parts.append(more)
            missing -= len(more)
        _inbox = b""
        return lines[0][9:12], headers, b"".join(parts)
    _inbox = data[start + length:]
    return lines[0][9:12], headers, data[start:start + length]


def _post(where, body, content_type="application/json", error_type=None, then=b""):
    extra = ""
    if error_type:
        safe = error_type.encode("ascii", "replace").decode()
        extra = "Lambda-Runtime-Function-Error-Type: %s\r\n" % safe
    _write_all(_SOCKET, (_POST % (where, content_type, extra, len(body))).encode("latin-1") + body + then)


def _handle(handler, headers, body):
    """Runs one invocation and returns what to post."""
    request_id = headers["lambda-runtime-aws-request-id"]
    try:
        context = LambdaContext(headers)
        try:
            event = _json.loads(body)
        except Exception as e:
            raise Fault("UnmarshalError", "Unable to unmarshal input: %s" % e)
        result = handler(event, context)
        if isinstance(result, bytes):
            return "response", result, "application/unknown", None
        try:
            return "response", _encode(result).encode("utf-8"), "application/json", None
        except Exception as e:
            raise Fault("MarshalError", "Unable to marshal response: %s" % e)
    except Fault as e:
        error = _error(e.message, e.kind, e.trace, request_id)
    except Exception:
        error = _exception_error(request_id)
    _log_error(error)
    return "error", _encode(error).encode("utf-8", "backslashreplace"), "application/json", error["errorType"]


def _init():
    """Loads the handler; an error is reported and ends the process."""
    try:
        _setup_path()
        return _load_handler(os.environ["_HANDLER"])
    except Fault as e:
        error = _error(e.message, e.kind, e.trace, None)
    except Exception:
        error = _exception_error(None)
    import logging

    logging.warning(_WARNING)
    _log_error(error)
    _post("init/error", _encode(error).encode("utf-8", "backslashreplace"), error_type=error["errorType"])
    _answer()
    sys.exit(1)


def main():
    global _request_id
    os.set_inheritable(_SOCKET, False)
    handler = _init()
    _write_all(_SOCKET, _NEXT)
    while True:
        status, headers, body = _answer()
        if status != "200":
            sys.stderr.write("invocation/next answered %s: %s" % (status, body.decode("utf-8", "replace")))
            os._exit(1)
        _request_id = headers["lambda-runtime-aws-request-id"]
        trace = headers.get("lambda-runtime-trace-id")
        if trace:
            os.environ["_X_AMZN_TRACE_ID"] = trace
        else:
            os.environ.pop("_X_AMZN_TRACE_ID", None)
        where, answer, content_type, error_type = _handle(handler, headers, body)
        _post("invocation/%s/%s" % (_request_id, where), answer, content_type, error_type, _NEXT)
        _answer()


import json as _json  # noqa: E402  (after the definitions, so that a broken json is reported like any other error)

_encode = _Encoder().encode
