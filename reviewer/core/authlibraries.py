"""What libraries make of a request without any credential: the middleware they build, and how they find a session."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from reviewer.core.credentials import respond
from reviewer.core.evaluation import Evaluator, Thrown
from reviewer.core.patterns import Unreadable, compile_path
from reviewer.core.values import (
    DENIED,
    NULL,
    PASSES,
    UNKNOWN,
    Response,
    Value,
    absent,
    one_of,
    plain,
    unsure,
)

Native = Callable[[Evaluator, list[Value]], Value]

_LOGIN = Value("response", Response("redirect", "/login"), 2)
_REQUEST = Value("host", "request")
_CLERK = ("@clerk/nextjs", "@clerk/nextjs/server", "@clerk/nextjs/edge", "@clerk/nextjs/api")
_INTL = ("next-intl/middleware", "next-i18n-router", "next-international/middleware")
_THROWING = ("jwtVerify", "jwtDecrypt", "verify", "verifyIdToken", "verifyToken", "unsealData")
_READERS = ("getSessionCookie", "getCookieCache", "getIronSession", "getSession", "getToken", "getServerSession")


def library_call(run: Evaluator, module: str, name: str, args: list[Value], spelled: str) -> Value:
    """The value of a call of something a package or the platform provides."""
    last = name.rpartition(".")[2]
    if name.startswith(("NextResponse.", "Response.")):
        return _response(last, args)
    if not module and name.startswith("clerk"):
        return _clerk_auth(name)
    for found in (_auth_js, _clerk, _others, _platform):
        value = found(run, module, name, args)
        if value is not None:
            return value
    if any(arg.kind == "absent" for arg in args) and last in _THROWING:
        raise Thrown
    if last in _READERS or run.is_guard(spelled) or (module and run.is_guard(name)):
        return session_of(args)
    run.risky = max(run.risky, *(arg.taint for arg in args), 0)
    return unsure(*args)


def session_of(args: list[Value]) -> Value:
    """``auth()`` finds no session; ``auth(handler)`` is a middleware with a request that has none."""
    function = next((arg for arg in args if arg.kind == "function"), None)
    if function is None:
        return absent()
    return Value("native", lambda run, _: run.apply(function, [_REQUEST]))


def _response(name: str, args: list[Value]) -> Value:
    if name == "next":
        return PASSES
    if name in ("redirect", "rewrite"):
        first = args[0] if args else UNKNOWN
        target = str(first.data) if first.kind in ("url", "plain") else ""
        return Value("response", Response("redirect" if name == "redirect" else "rewrite", target))
    return respond(args[1:2])


def _platform(_run: Evaluator, module: str, name: str, args: list[Value]) -> Value | None:
    if module == "next/headers" and name in ("cookies", "headers"):
        return Value("host", name)
    if module == "next/navigation" and name in ("redirect", "permanentRedirect"):
        raise Thrown(_response("redirect", args))
    if module in _INTL:
        return PASSES if _REQUEST in args else Value("native", lambda *_: PASSES)
    if name == "Boolean" and args:
        truth = args[0].truth()
        return plain(truth, args[0].taint) if truth is not None else unsure(args[0])
    return None


# -- Auth.js ----------------------------------------------------------------------------------------------------------


def _auth_js(run: Evaluator, module: str, name: str, args: list[Value]) -> Value | None:
    if module == "next-auth/middleware" and name in ("default", "withAuth"):
        function = next((arg for arg in args if arg.kind == "function"), None)
        options = next((arg for arg in args if arg.kind != "function" and arg != _REQUEST), NULL)
        gate: Native = lambda run, _: _with_auth(run, function, options)  # noqa: E731
        return gate(run, []) if _REQUEST in args[:1] else Value("native", gate)
    if module == "next-auth" and name == "default":
        config = args[0] if args else NULL
        return Value("object", {"auth": Value("native", lambda run, given: _auth(run, config, given)), "...": UNKNOWN})
    return None


def _with_auth(run: Evaluator, function: Value | None, options: Value) -> Value:
    """Next-auth 4: only its own pages are let through without a token, unless a callback decides otherwise."""
    path = run.asked.path
    if path is not None and (path.startswith("/api/auth") or path in [page.text() for page in _pages(run, options)]):
        return PASSES
    authorized = _option(run, options, "callbacks", "authorized")
    if authorized.kind == "unknown":
        return UNKNOWN
    if authorized.kind != "function":
        return _LOGIN
    answer = run.apply(authorized, [Value("object", {"token": absent(), "req": _REQUEST})])
    return _decided(run, answer, function)


def _decided(run: Evaluator, answer: Value, function: Value | None) -> Value:
    truth = answer.truth()
    passes = run.apply(function, [_REQUEST]) if function is not None and truth is not False else PASSES
    if truth is None:
        return _LOGIN if answer.kind == "depends" else one_of([_LOGIN, passes])
    return passes if truth else _LOGIN


def _auth(run: Evaluator, config: Value, args: list[Value]) -> Value:
    """Next-auth 5: ``auth()`` is the session, ``auth(handler)`` and ``auth(request)`` are middleware."""
    if not args:
        return absent()
    function = args[0] if args[0].kind == "function" else None
    if function is not None:
        return Value("native", lambda run, _: _authorized(run, config, function))
    return _authorized(run, config, None)


def _authorized(run: Evaluator, config: Value, function: Value | None) -> Value:
    if config.kind == "function":
        config = run.apply(config, [_REQUEST])
    authorized = _option(run, config, "callbacks", "authorized")
    answer = plain(True)
    if authorized.kind == "function":
        answer = run.apply(authorized, [Value("object", {"auth": absent(), "request": _REQUEST})])
    elif authorized.kind == "unknown" and function is None:
        return UNKNOWN
    answers = answer.alternatives()
    found: list[Value] = [value for value in answers if value.kind == "response"]
    rest = [value for value in answers if value.kind != "response"]
    if rest:
        given = run.apply(function, [_REQUEST]) if function is not None else _decided(run, one_of(rest), None)
        found.append(given)
    return one_of(found)


def _option(run: Evaluator, options: Value, *names: str) -> Value:
    """An option of nested objects; null where it is certainly not there."""
    for name in names:
        if options.kind not in ("object", "plain"):
            return UNKNOWN
        options = run.member(options, name) if options.kind == "object" else NULL
    return options


def _pages(run: Evaluator, options: Value) -> list[Value]:
    return [_option(run, options, "pages", name) for name in ("signIn", "error")]


# -- Clerk ------------------------------------------------------------------------------------------------------------


def _clerk(_run: Evaluator, module: str, name: str, args: list[Value]) -> Value | None:
    if module not in _CLERK:
        return None
    if name == "createRouteMatcher":
        patterns = args[0] if args else UNKNOWN
        return Value("native", lambda run, _: matches_any(run, patterns))
    if name in ("clerkMiddleware", "withClerkMiddleware"):
        function = next((arg for arg in args if arg.kind == "function"), None)
        given = [_REQUEST] if name == "withClerkMiddleware" else [Value("host", "clerk"), _REQUEST]
        gate: Native = lambda run, _: _or_passes(run.apply(function, given)) if function is not None else PASSES  # noqa: E731
        return Value("native", gate)
    if name == "authMiddleware":
        options = args[0] if args else NULL
        return Value("native", lambda run, _: _auth_middleware(run, options))
    if name == "redirectToSignIn":
        return _LOGIN
    return Value("host", "clerk") if name in ("auth", "getAuth") else None


def _clerk_auth(name: str) -> Value:
    """``auth()``, ``auth.protect()``, ``auth().protect()`` and ``redirectToSignIn()`` of a Clerk middleware."""
    if name.endswith("protect"):
        raise Thrown(_LOGIN)
    return _LOGIN if name.endswith("redirectToSignIn") else Value("host", "clerk")


def _auth_middleware(run: Evaluator, options: Value) -> Value:
    """Clerk 4: what is not listed as public is protected."""
    lists = [_option(run, options, name) for name in ("publicRoutes", "ignoredRoutes")]
    public = [matches_any(run, routes) if routes != NULL else plain(False) for routes in lists]
    after = _option(run, options, "afterAuth")
    if after.kind == "function" and public[1].truth() is False:
        session = Value("object", {"userId": absent(), "isPublicRoute": public[0], "...": absent()})
        return _or_passes(run.apply(after, [session, _REQUEST]))
    truths = [value.truth() for value in public]
    return PASSES if True in truths else UNKNOWN if None in truths else _LOGIN


def _or_passes(value: Value) -> Value:
    return one_of([PASSES if other.kind == "plain" else other for other in value.alternatives()])


def matches_any(run: Evaluator, patterns: Value) -> Value:
    """Whether the request's path is one of a list of path patterns or regular expressions."""
    listed = patterns.data if patterns.kind == "list" else (patterns,)
    if run.asked.path is None:
        return UNKNOWN
    found = [_matches(pattern, run.asked.path) for pattern in listed]
    return plain(True) if True in found else UNKNOWN if None in found else plain(False)


def _matches(pattern: Value, path: str) -> bool | None:
    text = pattern.text()
    try:
        if pattern.kind == "regex":
            matched: bool = pattern.data.search(path)
            return matched
        return compile_path(text, "i").search(path) if text is not None else None
    except Unreadable:
        return None


# -- others -----------------------------------------------------------------------------------------------------------


def _others(run: Evaluator, module: str, name: str, args: list[Value]) -> Value | None:
    options = args[-1] if args and args[-1].kind == "object" else NULL
    if module == "@workos-inc/authkit-nextjs":
        if name == "authkitMiddleware":
            return Value("native", lambda run, _: _authkit(run, options))
        return Value("object", {"session": absent(), "...": UNKNOWN}) if name in ("authkit", "updateSession") else None
    if module.startswith("@auth0/nextjs-auth0") and name == "withMiddlewareAuthRequired":
        return DENIED if _REQUEST in args else Value("native", lambda *_: DENIED)
    if module.startswith("@kinde-oss/kinde-auth-nextjs") and name == "withAuth":
        public = _option(run, options, "publicPaths")
        gate: Native = lambda run, _: _unless(_starts_with(run, public))  # noqa: E731
        return gate(run, []) if _REQUEST in args[:1] else Value("native", gate)
    if module == "@better-fetch/fetch" and "get-session" in str(args[0].data if args else ""):
        return Value("object", {"data": absent(), "error": UNKNOWN})
    return None


def _authkit(run: Evaluator, options: Value) -> Value:
    """Only with ``middlewareAuth.enabled`` does it turn anyone away."""
    enabled = _option(run, options, "middlewareAuth", "enabled").truth()
    if not enabled:
        return UNKNOWN if enabled is None else PASSES
    paths = _option(run, options, "middlewareAuth", "unauthenticatedPaths")
    return _unless(matches_any(run, paths)) if paths != NULL else _LOGIN


def _starts_with(run: Evaluator, prefixes: Value) -> Value:
    if prefixes == NULL:
        return plain(False)
    texts = [value.text() for value in prefixes.data] if prefixes.kind == "list" else [None]
    path = run.asked.path
    if path is None or None in texts:
        return UNKNOWN
    return plain(_any_prefix(path, (text for text in texts if text is not None)))


def _any_prefix(path: str, prefixes: Iterable[str]) -> bool:
    return any(path.startswith(prefix) for prefix in prefixes)


def _unless(public: Value) -> Value:
    truth = public.truth()
    return PASSES if truth else UNKNOWN if truth is None else _LOGIN
