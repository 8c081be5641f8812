// The Node.js loader: loads a function's handler and answers invocations over
// the Runtime API, as AWS's own runtime client does (its behaviour, error
// shapes and log lines; LDG:nodejs-handler, LDG:nodejs-exceptions).
//
// It speaks HTTP/1.1 on an inherited socket (file descriptor 3) with blocking
// reads and writes. That is not only the fastest way: while the loader waits
// for the next invocation nothing else of the function runs, which is what
// AWS's freezing of an environment looks like from inside. The answer of one
// invocation and the question for the next one leave in one write.
'use strict';

const fs = require('fs');
const path = require('path');
const util = require('util');

const SOCKET = 3;
const STDOUT = 1;
const NEXT = 'GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: runtime\r\n\r\n';
const env = process.env;
const taskRoot = env.LAMBDA_TASK_ROOT;

// ---- errors -------------------------------------------------------------

function runtimeError(kind, message) {
  const e = message instanceof Error ? new Error(message) : new Error(message);
  Object.defineProperty(e, 'name', { value: 'Runtime.' + kind, configurable: true, writable: true, enumerable: false });
  e.stack = e.stack.replace(/^Error/, e.name);
  return e;
}

function toResponse(error) {
  try {
    if (util.types.isNativeError(error) || looksLikeError(error)) {
      return {
        errorType: clean(error.name),
        errorMessage: clean(error.message),
        trace: clean(error.stack).split('\n'),
      };
    }
    return { errorType: typeof error, errorMessage: error.toString(), trace: [] };
  } catch (_) {
    return {
      errorType: 'handled',
      errorMessage:
        'callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack',
    };
  }
}

function clean(s) {
  return typeof s === 'string' ? s.replaceAll('\x7F', '%7F') : s;
}

function looksLikeError(o) {
  return o && typeof o.name === 'string' && typeof o.message === 'string' && typeof o.stack === 'string'
    && o.name && o.message && o.stack;
}

function withHiddenProperties(_key, value) {
  if (!(value instanceof Error)) return value;
  const shown = Object.assign(
    { errorType: value.name, errorMessage: value.message, code: value.code }, value);
  if (typeof value.stack === 'string') shown.stack = value.stack.split('\n');
  return shown;
}

function describe(error) {
  try {
    return '\t' + JSON.stringify(error, withHiddenProperties);
  } catch (_) {
    return '\t' + JSON.stringify(toResponse(error));
  }
}

// ---- console --------------------------------------------------------------

const REQUEST_ID = Symbol.for('aws.lambda.runtime.requestId');
const LEVELS = { TRACE: 1, DEBUG: 2, INFO: 3, WARN: 4, ERROR: 5, FATAL: 6 };
const jsonLogs = (env.AWS_LAMBDA_LOG_FORMAT || '').toUpperCase() === 'JSON';

// A log frame, as between AWS's runtimes and their host: 4 bytes of type, 4 of
// length, 8 of time in microseconds, then the message. Framed messages are one
// log event each, line breaks included.
function writeFrame(level, text, millis) {
  const length = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(16 + length);
  frame.writeUInt32BE(((jsonLogs ? 0xa55a0002 : 0xa55a0003) | (level << 2)) >>> 0, 0);
  frame.writeUInt32BE(length, 4);
  frame.writeBigInt64BE(BigInt(millis) * 1000n, 8);
  frame.utf8Write(text, 16);
  writeAll(STDOUT, frame);
}

function writeAll(fd, bytes) {
  let at = 0;
  while (at < bytes.length) {
    try {
      at += fs.writeSync(fd, bytes, at, bytes.length - at);
    } catch (e) {
      if (e.code !== 'EAGAIN') throw e;
      // process.stdout may have made the pipe non-blocking: wait a millisecond.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

function errorInJSON(_key, value) {
  if (!(value instanceof Error)) return value;
  return Object.assign({
    errorType: value.constructor?.name ?? 'UnknownError',
    errorMessage: value.message,
    stackTrace: typeof value.stack === 'string' ? value.stack.split('\n') : value.stack,
  }, value);
}

function jsonLine(name, date, params) {
  const line = { timestamp: date.toISOString(), level: name, requestId: global[REQUEST_ID] };
  if (params.length === 1) {
    line.message = params[0];
    try {
      return JSON.stringify(line, errorInJSON);
    } catch (_) {
      line.message = util.format(params[0]);
      return JSON.stringify(line);
    }
  }
  line.message = util.format(...params);
  const error = params.find((p) => p instanceof Error);
  if (error) {
    line.errorType = error.constructor?.name ?? 'UnknownError';
    line.errorMessage = error.message;
    line.stackTrace = typeof error.stack === 'string' ? error.stack.split('\n') : [];
  }
  return JSON.stringify(line);
}

function patchConsole() {
  const least = LEVELS[(env.AWS_LAMBDA_LOG_LEVEL || '').toUpperCase()] ?? LEVELS.TRACE;
  for (const [name, level] of Object.entries(LEVELS)) {
    console[name.toLowerCase()] = level < least ? () => {} : (...params) => {
      const date = new Date();
      const text = jsonLogs ? jsonLine(name, date, params)
        : `${date.toISOString()}\t${global[REQUEST_ID]}\t${name}\t${util.format(...params)}\n`;
      writeFrame(level, text, date.valueOf());
    };
  }
  console.log = console.info;
}

function logError(what, error) {
  if (!(error instanceof Error)) error = new Error(error);
  if (jsonLogs) console.error(error);
  else console.error(what, describe(error));
}

// ---- Runtime API ------------------------------------------------------------

let inbox = Buffer.allocUnsafe(64 * 1024);
let from = 0;
let to = 0;

function fill() {
  if (from === to) {
    from = to = 0;
  } else if (to === inbox.length) {
    const bigger = from > 0 && to - from < inbox.length / 2 ? inbox : Buffer.allocUnsafe(inbox.length * 2);
    inbox.copy(bigger, 0, from, to);
    inbox = bigger;
    to -= from;
    from = 0;
  }
  const n = fs.readSync(SOCKET, inbox, to, inbox.length - to, null);
  if (n === 0) process.reallyExit(0); // the host is gone
  to += n;
}

// readAnswer waits for one HTTP response.
function readAnswer() {
  let end;
  while ((end = inbox.subarray(from, to).indexOf('\r\n\r\n', 0, 'latin1')) < 0) fill();
  const lines = inbox.latin1Slice(from, from + end).split('\r\n');
  from += end + 4;
  const headers = {};
  for (let i = 1; i < lines.length; i++) {
    const colon = lines[i].indexOf(': ');
    headers[lines[i].slice(0, colon).toLowerCase()] = lines[i].slice(colon + 2);
  }
  const length = Number(headers['content-length'] || 0);
  while (to - from < length) fill();
  const body = inbox.utf8Slice(from, from + length);
  from += length;
  if (from === to && inbox.length > 1 << 20) inbox = Buffer.allocUnsafe(64 * 1024);
  return { status: lines[0].slice(9, 12), headers, body };
}

function post(where, body, errorType, thenNext) {
  let head = `POST /2018-06-01/runtime/${where} HTTP/1.1\r\nHost: runtime\r\nContent-Type: ${body.type || 'application/json'}\r\n`;
  if (errorType) head += `Lambda-Runtime-Function-Error-Type: ${String(errorType).replace(/[^\x20-\x7e]/g, '?')}\r\n`;
  const bytes = body.bytes || Buffer.from(body);
  head += `Content-Length: ${bytes.length}\r\n\r\n`;
  const parts = [Buffer.from(head, 'latin1'), bytes];
  if (thenNext) parts.push(Buffer.from(NEXT, 'latin1'));
  writeAll(SOCKET, Buffer.concat(parts));
}

let asked = false; // the question for the next invocation was sent with the last answer

function postAndAsk(where, body, errorType) {
  post(where, body, errorType, true);
  asked = true;
}

function serialize(result) {
  try {
    return JSON.stringify(result === undefined ? null : result) ?? 'null';
  } catch (_) {
    throw new Error('Unable to stringify response body');
  }
}

function nextInvocation() {
  if (asked) readAnswer(); // to the answer before
  else writeAll(SOCKET, Buffer.from(NEXT, 'latin1'));
  asked = false;
  const next = readAnswer();
  if (next.status !== '200') {
    process.stderr.write(`invocation/next answered ${next.status}: ${next.body}`);
    process.reallyExit(1);
  }
  return next;
}

// ---- the handler --------------------------------------------------------------

function typeIsModule(folder) {
  for (; ; folder = path.dirname(folder)) {
    if (folder.endsWith('/node_modules')) return false;
    const file = path.join(folder, 'package.json');
    if (fs.existsSync(file)) {
      try {
        return JSON.parse(fs.readFileSync(file, 'utf8'))?.type === 'module';
      } catch (e) {
        console.warn(`${file} cannot be read, it will be ignored for ES module detection purposes.`, e);
        return false;
      }
    }
    if (folder === '/') return false;
  }
}

async function loadModule(root, name) {
  const file = path.resolve(taskRoot, root, name);
  const exists = (ext) => fs.existsSync(file + ext);
  if (fs.existsSync(file) && !fs.statSync(file).isDirectory()) return require(file);
  if (exists('.js')) {
    return typeIsModule(path.dirname(file)) ? import(file + '.js') : require(file + '.js');
  }
  if (exists('.mjs')) return import(file + '.mjs');
  if (exists('.cjs')) return require(file + '.cjs');
  return require(require.resolve(name, { paths: [taskRoot, root] }));
}

async function loadHandler(handler) {
  if (handler.includes('..')) {
    throw runtimeError('MalformedHandlerName',
      `'${handler}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`);
  }
  const base = path.basename(handler);
  const root = handler.slice(0, handler.indexOf(base));
  const match = /^([^.]*)\.(.*)$/.exec(base);
  if (!match) throw runtimeError('MalformedHandlerName', 'Bad handler');
  let module;
  try {
    module = await loadModule(root, match[1]);
  } catch (e) {
    if (e instanceof SyntaxError) throw runtimeError('UserCodeSyntaxError', e);
    if (e && e.code === 'MODULE_NOT_FOUND') throw runtimeError('ImportModuleError', e);
    throw e;
  }
  const f = match[2].split('.').reduce((o, key) => o && o[key], module);
  if (!f) throw runtimeError('HandlerNotFound', `${handler} is undefined or not exported`);
  if (typeof f !== 'function') throw runtimeError('HandlerNotFound', `${handler} is not a function`);
  return f;
}

// ---- response streaming: collected, and answered as a whole ----------------------

const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');

function provideAwslambda() {
  globalThis.awslambda = {
    streamifyResponse(handler) {
      handler[STREAMING] = 'response';
      return handler;
    },
    HttpResponseStream: {
      from(stream, prelude) {
        stream.setContentType('application/vnd.awslambda.http-integration-response');
        stream.write(JSON.stringify(prelude));
        stream.write(Buffer.alloc(8));
        return stream;
      },
    },
  };
}

function collectingStream() {
  const { Writable } = require('stream');
  const chunks = [];
  const stream = new Writable({
    write(chunk, _encoding, done) { chunks.push(chunk); done(); },
  });
  stream.contentType = 'application/octet-stream';
  stream.setContentType = (type) => { stream.contentType = type; };
  stream.collected = () => ({ bytes: Buffer.concat(chunks), type: stream.contentType });
  const write = stream.write.bind(stream);
  stream.write = (chunk, ...rest) =>
    write(typeof chunk === 'string' || ArrayBuffer.isView(chunk) ? chunk : JSON.stringify(chunk), ...rest);
  return stream;
}

async function runStreaming(handler, event, context, id) {
  const stream = collectingStream();
  try {
    const result = handler(event, stream, context);
    if (!result || typeof result.then !== 'function') throw new Error('Streaming does not support non-async handlers.');
    await result;
    if (!stream.writableFinished) {
      if (!stream.writableEnded) throw new Error('Response stream is not finished.');
      await new Promise((resolve, reject) => stream.on('finish', resolve).on('error', reject));
    }
    postAndAsk(`invocation/${id}/response`, stream.collected());
  } catch (e) {
    logError('Invoke Error', e);
    const r = toResponse(e);
    postAndAsk(`invocation/${id}/error`, serialize(r), r.errorType);
  }
  schedule();
}

// ---- the loop -----------------------------------------------------------------

let handler;
let onEmptyLoop = () => {};
let current; // id of the invocation under way, undefined during init

function parseHeader(value, name) {
  if (value === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(value, 'latin1').toString('utf8'));
  } catch (e) {
    throw new Error(`Cannot parse ${name} as json: ${e.toString()}`);
  }
}

// makeContext builds the context object and the three ways to end an
// invocation; only the first call of any of them counts.
function makeContext(id, h) {
  let waits = true;
  let finished = false;
  let completed = false;
  const respond = (result) => {
    if (completed) return;
    completed = true;
    let body;
    try {
      body = serialize(result);
    } catch (e) {
      return fault(e);
    }
    postAndAsk(`invocation/${id}/response`, body);
    schedule();
  };
  const fault = (error) => {
    completed = true;
    logError('Invoke Error', error);
    const r = toResponse(error);
    postAndAsk(`invocation/${id}/error`, serialize(r), r.errorType);
    schedule();
  };
  const once = (f) => (...args) => {
    if (finished) return;
    finished = true;
    onEmptyLoop = () => {};
    f(...args);
  };
  const done = (error, result) => (error !== undefined && error !== null ? fault(error) : respond(result));
  const callback = once((error, result) => {
    if (error !== undefined && error !== null) fault(error);
    else if (!waits) respond(result);
    else onEmptyLoop = () => setImmediate(() => respond(result));
  });
  const context = {
    get callbackWaitsForEmptyEventLoop() { return waits; },
    set callbackWaitsForEmptyEventLoop(value) { waits = value; },
    succeed: once((result) => done(null, result)),
    fail: once((error) => done(error === undefined || error === null ? 'handled' : error)),
    done: once(done),
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parseHeader(h['lambda-runtime-client-context'], 'ClientContext'),
    identity: parseHeader(h['lambda-runtime-cognito-identity'], 'CognitoIdentity'),
    invokedFunctionArn: h['lambda-runtime-invoked-function-arn'],
    awsRequestId: id,
    getRemainingTimeInMillis: () => Number(h['lambda-runtime-deadline-ms']) - Date.now(),
  };
  // The event loop ran dry and nothing was answered.
  const forgotten = (isAsync) => {
    finished = true;
    if (!isAsync) return respond(null);
    fault(runtimeError('NodeJsExit',
      'The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes'));
  };
  return { context, callback, forgotten, fault };
}

function once() {
  const { headers, body } = nextInvocation();
  const id = current = headers['lambda-runtime-aws-request-id'];
  global[REQUEST_ID] = id;
  const trace = headers['lambda-runtime-trace-id'];
  if (trace) env._X_AMZN_TRACE_ID = trace;
  else delete env._X_AMZN_TRACE_ID;
  let call;
  try {
    call = makeContext(id, headers);
  } catch (e) {
    logError('Invoke Error', e);
    const r = toResponse(e);
    postAndAsk(`invocation/${id}/error`, serialize(r), r.errorType);
    return schedule();
  }
  const isAsync = handler.constructor?.name === 'AsyncFunction';
  if (handler[STREAMING]) {
    onEmptyLoop = () => call.forgotten(true);
    return runStreaming(handler, JSON.parse(body), call.context, id).then(() => { onEmptyLoop = () => {}; });
  }
  onEmptyLoop = () => { onEmptyLoop = () => {}; call.forgotten(isAsync); };
  try {
    const result = handler(JSON.parse(body), call.context, call.callback);
    if (result && typeof result.then === 'function') result.then(call.context.succeed, call.context.fail);
  } catch (e) {
    call.context.fail(e);
  }
}

function schedule() {
  setImmediate(once);
}

// die reports an error that ends the process.
function die(what, error, code) {
  logError(what, error);
  if (!asked) { // else nobody waits for this invocation any more
    const r = toResponse(error);
    post(current ? `invocation/${current}/error` : 'init/error', serialize(r), r.errorType, false);
    readAnswer();
  }
  process.reallyExit(code);
}

async function main() {
  patchConsole();
  if (!['1', 'true'].includes(env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA)) provideAwslambda();
  process.on('uncaughtException', (error) => die('Uncaught Exception', error, 129));
  process.on('unhandledRejection', (reason, promise) => {
    const error = runtimeError('UnhandledPromiseRejection', String(reason));
    Object.assign(error, { reason, promise });
    die('Unhandled Promise Rejection', error, 128);
  });
  process.on('beforeExit', () => onEmptyLoop());
  try {
    handler = await loadHandler(env._HANDLER);
  } catch (e) {
    die('Uncaught Exception', e, 129);
  }
  schedule();
}

main();
