package stagedoor

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// misbehaving does what its query string, or its event, says.
const misbehaving = `
import json, os, subprocess, sys, time

def handler(event, context):
    query = (event.get("queryStringParameters") or event) if isinstance(event, dict) else {}
    do = query.get("do")
    if do == "flood":
        block = (b"x" * 1023 + b"\n") * 1024
        for _ in range(query["megabytes"]):
            os.write(1, block)
    if do == "hang":
        time.sleep(1000)
    if do == "fork":
        for _ in range(3):
            subprocess.Popen(["/bin/sh", "-c", "sleep 1000; :", query["mark"]], start_new_session=True)
    if do == "exit0":
        os._exit(0)
    if do == "exit1":
        os._exit(1)
    if do == "kill":
        os.kill(os.getpid(), 9)
    if do == "big":
        return {"statusCode": 200, "body": "x" * (7 << 20)}
    if do == "nothing":
        return None
    if do == "text":
        return "text"
    if do == "set":
        return {1, 2}
    if do == "status":
        return {"statusCode": "abc", "body": "x"}
    if do == "split":
        return {"statusCode": 200, "headers": {"X-A": "a\r\nX-Evil: 1\r\n\r\nevil"}, "body": "ok"}
    if do == "write":
        open(os.environ["LAMBDA_TASK_ROOT"] + "/index.py", "w").write("evil")
    if do == "memory":
        held = []
        while True:
            held.append(bytearray(b"x" * (10 << 20)))
    if do == "recursion":
        def deeper(n): return deeper(n + 1)
        deeper(0)
    if do == "raise":
        raise ValueError("boom")
    return {"statusCode": 200, "body": "ok"}
`

// invoke calls a function through the Lambda API; kind is the function error,
// or the error type of a refusal.
func (v *victim) invoke(function, payload string) answer {
	v.Helper()
	r, err := http.NewRequestWithContext(v.Context(), "POST", v.s.Endpoint()+"/2015-03-31/functions/"+function+"/invocations", strings.NewReader(payload))
	must(v.T, err)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=aa")
	response, err := v.client.Do(r)
	must(v.T, err)
	defer response.Body.Close()
	var body bytes.Buffer
	_, err = body.ReadFrom(response.Body)
	must(v.T, err)
	return answer{response.StatusCode, response.Header.Get("X-Amz-Function-Error") + response.Header.Get("x-amzn-ErrorType"), body.String()}
}

// A function may do what it likes: its caller gets AWS's error, through both
// doors, and the next call is served.
func TestBadFunctions(t *testing.T) {
	v := newVictim(t)
	v.function(v.owner(), "init", "raise ValueError('boom at init')\n", 2)
	before := v.footprint()
	const failed = `{"message": "Internal server error"}`
	for _, c := range []struct{ do, kind, part string }{
		{"exit0", "Unhandled", "Error: Runtime exited without providing a reason"},
		{"exit1", "Unhandled", "Error: Runtime exited with error: exit status 1"},
		{"big", "Unhandled", `"errorType":"Function.ResponseSizeTooLarge"`},
		{"nothing", "", "null"},
		{"text", "", `"text"`},
		{"set", "Unhandled", `"errorType": "Runtime.MarshalError"`},
		{"status", "", "abc"},
		{"write", "Unhandled", `/index.py'`},
		{"recursion", "Unhandled", `"errorType": "RecursionError"`},
		{"raise", "Unhandled", `"errorMessage": "boom"`},
		{"memory", "Unhandled", "Error: Runtime exited with error: signal: killed"},
		{"hang", "Unhandled", "Error: Task timed out after 2.00 seconds"},
	} {
		v.want("invoke: "+c.do, v.invoke("f", `{"do":"`+c.do+`"}`), 200, c.kind, c.part)
		v.want("gateway: "+c.do, v.get("/x?do="+c.do), 502, "InternalServerErrorException", failed)
	}
	v.want("raise at init", v.invoke("init", "{}"), 200, "Unhandled", "boom at init")
	v.want("no JSON for a function", v.invoke("f", "{no"), 400, "InvalidRequestContentException", "Could not parse request body into json")
	v.want("6 MB and a byte", v.invoke("f", `"`+strings.Repeat("x", 6<<20-1)+`"`), 413, "RequestEntityTooLargeException", "Request must be smaller than 6291456 bytes for the InvokeFunction operation")
	if got := v.wire("GET /dev/x?do=split HTTP/1.1\r\nHost: $HOST\r\nConnection: close\r\n\r\n"); strings.Contains(got, "\nX-Evil") || !strings.HasSuffix(got, "\r\n\r\nok") {
		t.Errorf("a function split its answer: %q", got)
	}
	v.alive()
	v.recovers(before)
}

// A gigabyte on standard output costs time, not memory.
func TestBadFunctionPrintsGigabyte(t *testing.T) {
	v := newVictim(t)
	v.function(v.owner(), "flood", misbehaving, 900)
	megabytes := 1024
	if racing {
		megabytes = 64
	}
	before := v.footprint()
	v.want("flood", v.invoke("flood", fmt.Sprintf(`{"do":"flood","megabytes":%d}`, megabytes)), 200, "", "ok")
	v.alive()
	v.recovers(before)
}

// What a function started is gone when the function is.
func TestBadFunctionForks(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("processes are found through /proc")
	}
	v := newVictim(t)
	v.function(v.owner(), "fork", misbehaving, 10)
	mark := fmt.Sprintf("stagedoor-mark-%d", time.Now().UnixNano())
	v.want("fork", v.invoke("fork", `{"do":"fork","mark":"`+mark+`"}`), 200, "", "ok")
	for begin := time.Now(); marked(mark) != 3; v.alive() {
		if time.Since(begin) > 10*time.Second {
			t.Fatalf("%d processes were left behind, want 3", marked(mark))
		}
	}
	if a := v.as("test", "lambda", "DELETE", "/2015-03-31/functions/fork", nil); a.status != 204 {
		t.Errorf("DeleteFunction: %v", a)
	}
	for begin := time.Now(); marked(mark) > 0; v.alive() {
		if time.Since(begin) > 10*time.Second {
			t.Fatalf("%d processes outlived their function", marked(mark))
		}
	}
}

// marked counts the processes with an argument mark.
func marked(mark string) (n int) {
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range names {
		if line, err := os.ReadFile(name); err == nil && bytes.Contains(line, []byte("\x00"+mark+"\x00")) {
			n++
		}
	}
	return n
}

// all runs f n times at once.
func all(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// Crowds: first calls of a function that nobody called before, and callers that
// are refused.
func TestBadCrowds(t *testing.T) {
	v := newVictim(t)
	ctx := v.owner()
	v.function(ctx, "fresh", misbehaving, 60)
	v.function(ctx, "closed", misbehaving, 60)
	root := between(v.as("test", "apigateway", "GET", "/restapis/"+v.api, nil).body, `"rootResourceId":"`, `"`)
	v.proxy(ctx, root, "fresh", "fresh")
	v.proxy(ctx, root, "closed", "closed")
	v.deploy(ctx)
	v.grant(ctx, "fresh")
	before := v.footprint()
	all(200, func(int) { v.want("a first call", v.get("/fresh"), 200, "", "ok") })
	all(20, func(int) {
		for range 50 {
			v.want("a refused call", v.get("/closed"), 500, "InternalServerErrorException", `{"message": "Internal server error"}`)
		}
	})
	v.grant(ctx, "closed")
	v.want("granted", v.get("/closed"), 200, "", "ok")
	if a := v.as("test", "lambda", "DELETE", "/2015-03-31/functions/fresh", nil); a.status != 204 {
		t.Errorf("DeleteFunction: %v", a)
	}
	v.alive()
	v.recovers(before)
}

// A function, a stage and an API may be deleted while they are called: callers
// get the old answer or AWS's refusal, never anything else.
func TestDeletedWhileCalled(t *testing.T) {
	v := newVictim(t)
	ctx := v.owner()
	v.function(ctx, "doomed", misbehaving, 10)
	root := between(v.as("test", "apigateway", "GET", "/restapis/"+v.api, nil).body, `"rootResourceId":"`, `"`)
	v.proxy(ctx, root, "doomed", "doomed")
	v.deploy(ctx)
	v.grant(ctx, "doomed")
	v.want("before", v.get("/doomed"), 200, "", "ok")

	v.while("/doomed", map[int]string{200: "ok", 500: `{"message": "Internal server error"}`}, func() {
		_, err := v.s.parts.lambda.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String("doomed")})
		must(t, err)
		v.want("deleted", v.get("/doomed"), 500, "InternalServerErrorException", "")
		v.function(ctx, "doomed", misbehaving, 10)
		v.want("back without a grant", v.get("/doomed"), 500, "InternalServerErrorException", "")
		v.grant(ctx, "doomed")
		v.want("back", v.get("/doomed"), 200, "", "ok")
	})
	gone := map[int]string{200: "ok", 403: `{"message":"Forbidden"}`}
	v.while("/doomed", gone, func() {
		_, err := v.s.parts.apis.DeleteStage(ctx, &apigateway.DeleteStageInput{RestApiId: &v.api, StageName: aws.String("dev")})
		must(t, err)
		v.want("without its stage", v.get("/doomed"), 403, "ForbiddenException", "")
		v.deploy(ctx)
		v.want("with its stage", v.get("/doomed"), 200, "", "ok")
	})
	v.alive()
	v.while("/doomed", gone, func() {
		_, err := v.s.parts.apis.DeleteRestApi(ctx, &apigateway.DeleteRestApiInput{RestApiId: &v.api})
		must(t, err)
		v.want("without its API", v.get("/doomed"), 403, "ForbiddenException", "")
	})
}

// while keeps eight callers busy at path until f returns and checks that every
// answer is among the allowed ones.
func (v *victim) while(path string, allowed map[int]string, f func()) {
	v.Helper()
	ctx, stop := context.WithCancel(v.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		all(8, func(int) {
			for ctx.Err() == nil {
				a := v.get(path)
				if body, ok := allowed[a.status]; !ok || a.body != body {
					v.Errorf("%s answered %v", path, a)
				}
			}
		})
	}()
	defer func() { stop(); <-ended }()
	f()
}
