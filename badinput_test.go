package stagedoor

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	gatewaytypes "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/awswire"
)

// victim is a server with one of everything in it, for attacks through its
// port. What was acknowledged to its owner must outlive them all.
type victim struct {
	*testing.T
	s      *Server
	api    string
	client *http.Client
}

const (
	owner  = "000000000000"
	secret = "the-owner's-secret" // in the function's environment; no stranger may see it
)

// newVictim deploys ANY /{proxy+} to the Python function "f", which does what
// its query string says, and ANY /mock to a MOCK.
func newVictim(t *testing.T) *victim {
	t.Helper()
	needs(t, "python3")
	return furnished(t, start(t))
}

// attack is a client of a server that keeps no connection.
func attack(t *testing.T, s *Server) *victim {
	return &victim{T: t, s: s, client: &http.Client{Timeout: 3 * time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}}
}

func furnished(t *testing.T, s *Server) *victim {
	t.Helper()
	v := attack(t, s)
	ctx := v.owner()
	_, err := v.s.parts.iam.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName:                 aws.String("lambda"),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`),
	})
	must(t, err)
	v.function(ctx, "f", misbehaving, 2)
	api, err := v.s.parts.apis.CreateRestApi(ctx, &apigateway.CreateRestApiInput{Name: aws.String("victim")})
	must(t, err)
	v.api = *api.Id
	v.proxy(ctx, *api.RootResourceId, "{proxy+}", "f")
	v.mock(ctx, *api.RootResourceId)
	v.deploy(ctx)
	v.grant(ctx, "f")
	v.alive()
	return v
}

func (v *victim) owner() context.Context {
	return awswire.WithCaller(v.Context(), awswire.Caller{Account: owner, Region: "us-east-1", ARN: "arn:aws:iam::" + owner + ":root", Root: true})
}

func (v *victim) function(ctx context.Context, name, code string, timeout int32) {
	v.Helper()
	_, err := v.s.parts.lambda.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: &name, Runtime: lambdatypes.RuntimePython312, Handler: aws.String("index.handler"),
		Role: aws.String("arn:aws:iam::" + owner + ":role/lambda"), Timeout: &timeout,
		Environment: &lambdatypes.Environment{Variables: map[string]string{"SECRET": secret}},
		Code:        &lambdatypes.FunctionCode{ZipFile: zipped(v.T, "index.py", code)},
	})
	must(v.T, err)
	must(v.T, lambda.NewFunctionActiveV2Waiter(v.s.parts.lambda, func(o *lambda.FunctionActiveV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = time.Millisecond, 20*time.Millisecond
	}).Wait(ctx, &lambda.GetFunctionInput{FunctionName: &name}, 30*time.Second))
}

func (v *victim) resource(ctx context.Context, parent, part string) *string {
	v.Helper()
	made, err := v.s.parts.apis.CreateResource(ctx, &apigateway.CreateResourceInput{RestApiId: &v.api, ParentId: &parent, PathPart: &part})
	must(v.T, err)
	_, err = v.s.parts.apis.PutMethod(ctx, &apigateway.PutMethodInput{RestApiId: &v.api, ResourceId: made.Id, HttpMethod: aws.String("ANY"), AuthorizationType: aws.String("NONE")})
	must(v.T, err)
	return made.Id
}

func (v *victim) proxy(ctx context.Context, parent, part, function string) {
	v.Helper()
	_, err := v.s.parts.apis.PutIntegration(ctx, &apigateway.PutIntegrationInput{
		RestApiId: &v.api, ResourceId: v.resource(ctx, parent, part), HttpMethod: aws.String("ANY"), Type: gatewaytypes.IntegrationTypeAwsProxy,
		IntegrationHttpMethod: aws.String("POST"),
		Uri:                   aws.String("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:" + owner + ":function:" + function + "/invocations"),
	})
	must(v.T, err)
}

func (v *victim) mock(ctx context.Context, parent string) {
	v.Helper()
	id, any, ok := v.resource(ctx, parent, "mock"), aws.String("ANY"), aws.String("200")
	_, err := v.s.parts.apis.PutIntegration(ctx, &apigateway.PutIntegrationInput{
		RestApiId: &v.api, ResourceId: id, HttpMethod: any, Type: gatewaytypes.IntegrationTypeMock,
		RequestTemplates: map[string]string{"application/json": `{"statusCode": 200}`},
	})
	must(v.T, err)
	_, err = v.s.parts.apis.PutMethodResponse(ctx, &apigateway.PutMethodResponseInput{RestApiId: &v.api, ResourceId: id, HttpMethod: any, StatusCode: ok})
	must(v.T, err)
	_, err = v.s.parts.apis.PutIntegrationResponse(ctx, &apigateway.PutIntegrationResponseInput{
		RestApiId: &v.api, ResourceId: id, HttpMethod: any, StatusCode: ok, ResponseTemplates: map[string]string{"application/json": "mock"},
	})
	must(v.T, err)
}

func (v *victim) deploy(ctx context.Context) {
	v.Helper()
	_, err := v.s.parts.apis.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{RestApiId: &v.api, StageName: aws.String("dev")})
	must(v.T, err)
}

func (v *victim) grant(ctx context.Context, function string) {
	v.Helper()
	_, err := v.s.parts.lambda.AddPermission(ctx, &lambda.AddPermissionInput{
		FunctionName: &function, StatementId: aws.String("api"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("apigateway.amazonaws.com"),
	})
	must(v.T, err)
}

// answer is what came back.
type answer struct {
	status int
	kind   string // x-amzn-ErrorType
	body   string
}

func (a answer) String() string { return fmt.Sprintf("%d %s %.300s", a.status, a.kind, a.body) }

// as sends a request to service of the control plane with an access key.
func (v *victim) as(key, service, method, path string, body io.Reader, header ...string) answer {
	v.Helper()
	r, err := http.NewRequestWithContext(v.Context(), method, v.s.Endpoint()+path, body)
	must(v.T, err)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+key+"/20260101/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=aa")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return v.do(r)
}

func (v *victim) do(r *http.Request) answer {
	v.Helper()
	response, err := v.client.Do(r)
	must(v.T, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(v.T, err)
	return answer{response.StatusCode, response.Header.Get("x-amzn-ErrorType"), string(body)}
}

// group calls an operation of CloudWatch Logs on a group.
func (v *victim) group(operation, name string) answer {
	v.Helper()
	return v.as("test", "logs", "POST", "/", strings.NewReader(`{"logGroupName":"`+name+`"}`),
		"Content-Type", "application/x-amz-json-1.1", "X-Amz-Target", "Logs_20140328."+operation)
}

func (v *victim) create(zip []byte) answer {
	v.Helper()
	body, err := json.Marshal(map[string]any{
		"FunctionName": "attack", "Runtime": "python3.12", "Handler": "index.handler",
		"Role": "arn:aws:iam::" + owner + ":role/lambda", "Code": map[string]string{"ZipFile": base64.StdEncoding.EncodeToString(zip)},
	})
	must(v.T, err)
	return v.as("test", "lambda", "POST", "/2015-03-31/functions", bytes.NewReader(body))
}

// get calls the deployed stage.
func (v *victim) get(path string) answer {
	v.Helper()
	r, err := http.NewRequestWithContext(v.Context(), "GET", v.s.Endpoint()+"/restapis/"+v.api+"/dev/_user_request_"+path, nil)
	must(v.T, err)
	return v.do(r)
}

// alive asks both planes for what they must still answer.
func (v *victim) alive() {
	v.Helper()
	if a := v.get("/x?do=ok"); a.status != 200 || a.body != "ok" {
		v.Errorf("the deployed function now answers %v", a)
	}
	if a := v.get("/mock"); a.status != 200 || a.body != "mock" {
		v.Errorf("the mock now answers %v", a)
	}
	if a := v.as("test", "lambda", "GET", "/2015-03-31/functions/f", nil); a.status != 200 || !strings.Contains(a.body, `"State":"Active"`) {
		v.Errorf("GetFunction now answers %v", a)
	}
}

// want compares an answer with a status, an error type (where AWS names one)
// and a part of the body.
func (v *victim) want(name string, a answer, status int, kind, part string) {
	v.Helper()
	if a.status != status || a.kind != kind || !strings.Contains(a.body, part) {
		v.Errorf("%s: got %v, want %d %s …%s…", name, a, status, kind, part)
	}
}

// footprint is what a server may hold on to after an attack.
type footprint struct {
	goroutines int
	heap       uint64
}

func (v *victim) footprint() footprint {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return footprint{runtime.NumGoroutine(), m.HeapAlloc}
}

// recovers waits until the server is as small as before: connections that an
// attacker left are noticed within moments, not at once.
func (v *victim) recovers(before footprint) {
	v.Helper()
	const moreGoroutines, moreHeap = 20, 48 << 20
	var now footprint
	for begin := time.Now(); time.Since(begin) < 15*time.Second; v.alive() {
		now = v.footprint()
		if now.goroutines <= before.goroutines+moreGoroutines && now.heap <= before.heap+moreHeap {
			return
		}
	}
	stacks := make([]byte, 16<<10)
	v.Errorf("the server grew from %+v to %+v\n%s", before, now, stacks[:runtime.Stack(stacks, true)])
}

type entry struct {
	name, data string
	mode       fs.FileMode
}

func packed(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var buf bytes.Buffer
	archive := zip.NewWriter(&buf)
	for _, e := range append(entries, entry{"index.py", "def handler(event, context): return 'attack'\n", 0o644}) {
		header := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		header.SetMode(e.mode)
		w, err := archive.CreateHeader(header)
		must(t, err)
		_, err = io.WriteString(w, e.data)
		must(t, err)
	}
	must(t, archive.Close())
	return buf.Bytes()
}

// bomb is a zip of a few hundred KB that holds n files of 100 MB; announced is
// the size that its directory gives for each.
func bomb(t *testing.T, n int, announced uint64) []byte {
	t.Helper()
	var data, buf bytes.Buffer
	deflate, err := flate.NewWriter(&data, flate.BestSpeed)
	must(t, err)
	_, err = deflate.Write(make([]byte, 1<<20))
	must(t, err)
	must(t, deflate.Flush())
	// What was flushed refers to nothing before it and may stand a hundred
	// times; an empty last block ends it.
	stream := append(bytes.Repeat(data.Bytes(), 100), 3, 0)
	archive := zip.NewWriter(&buf)
	for i := range n {
		w, err := archive.CreateRaw(&zip.FileHeader{
			Name: fmt.Sprintf("zeros%d", i), Method: zip.Deflate,
			CompressedSize64: uint64(len(stream)), UncompressedSize64: announced,
		})
		must(t, err)
		_, err = w.Write(stream)
		must(t, err)
	}
	must(t, archive.Close())
	return buf.Bytes()
}

type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// Packages that are broken, hostile or too large are refused at the upload, in
// AWS's words, by CreateFunction and UpdateFunctionCode alike.
func TestBadPackages(t *testing.T) {
	v := newVictim(t)
	before := v.footprint()
	good := packed(t)
	lying, flipped := bytes.Clone(good), packed(t, entry{"data", strings.Repeat("some data ", 200), 0o644})
	at := bytes.LastIndex(lying, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(lying[at+24:], 3)
	flipped[40] ^= 0x55
	link := func(to string) []byte { return packed(t, entry{"link", to, fs.ModeSymlink | 0o777}) }
	const (
		broken = "Could not unzip uploaded file. Please check your file, then try to upload again."
		empty  = "Uploaded file must be a non-empty zip"
		large  = "Unzipped size must be smaller than 262144000 bytes"
	)
	for name, c := range map[string]struct {
		zip  []byte
		text string
	}{
		"nothing":               {nil, empty},
		"no entries":            {[]byte("PK\x05\x06" + strings.Repeat("\x00", 18)), empty},
		"no zip":                {[]byte("hello"), broken},
		"truncated":             {good[:len(good)-10], broken},
		"truncated at half":     {good[:len(good)/2], broken},
		"damaged data":          {flipped, broken},
		"a size that lies":      {lying, broken},
		"slip":                  {packed(t, entry{"../../evil", "x", 0o644}), broken},
		"slip inside":           {packed(t, entry{"a/../../evil", "x", 0o644}), broken},
		"absolute path":         {packed(t, entry{"/etc/evil", "x", 0o644}), broken},
		"backslashes":           {packed(t, entry{`..\..\evil`, "x", 0o644}), broken},
		"a NUL in a name":       {packed(t, entry{"a\x00b", "x", 0o644}), broken},
		"a device":              {packed(t, entry{"dev", "", fs.ModeDevice | fs.ModeCharDevice | 0o644}), broken},
		"link to /etc/passwd":   {link("/etc/passwd"), broken},
		"link above":            {link("../../../etc/passwd"), broken},
		"300 MB unzipped":       {bomb(t, 3, 100<<20), large},
		"300 MB, announced 300": {bomb(t, 3, 100), broken},
	} {
		v.want(name, v.create(c.zip), 400, "InvalidParameterValueException", c.text)
		body, err := json.Marshal(map[string]string{"ZipFile": base64.StdEncoding.EncodeToString(c.zip)})
		must(t, err)
		v.want("update: "+name, v.as("test", "lambda", "PUT", "/2015-03-31/functions/f/code", bytes.NewReader(body)), 400, "InvalidParameterValueException", c.text)
	}
	const tooLarge = "Request must be smaller than 70167211 bytes for the CreateFunction operation"
	if !racing {
		v.want("50 MB and a byte", v.create(make([]byte, 50<<20+1)), 413, "RequestEntityTooLargeException", tooLarge)
	}
	v.want("a request over the limit", v.as("test", "lambda", "POST", "/2015-03-31/functions", io.LimitReader(blanks{}, 70167212)), 413, "RequestEntityTooLargeException", tooLarge)
	if a := v.as("test", "lambda", "GET", "/2015-03-31/functions/attack", nil); a.status != 404 {
		t.Errorf("a refused function is there: %v", a)
	}
	v.alive()
	v.recovers(before)
}

// Bodies that are no JSON, no form, or not what the model wants get AWS's
// error, at once and without a trace.
func TestBadBodies(t *testing.T) {
	v := newVictim(t)
	before := v.footprint()
	const serialization, validation = "SerializationException", "ValidationException"
	for _, c := range []struct{ name, body, kind, part string }{
		{"broken", `{"FunctionName":`, serialization, `{}`},
		{"wrong types", `{"FunctionName":5,"Code":[],"Timeout":"x"}`, serialization, "NUMBER_VALUE can not be converted to a String"},
		{"a list", `[]`, serialization, "Start of list found where not expected"},
		{"a string", `"x"`, serialization, `{}`},
		{"nothing", ``, validation, "3 validation errors detected"},
		{"100,000 brackets", `{"Layers":` + strings.Repeat("[", 100_000), serialization, ""},
		{"100,000 objects", strings.Repeat(`{"a":`, 100_000), serialization, `{}`},
		{"100,000 unknown lists", `{"a":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`, serialization, `{}`},
		{"the same key twice", `{"FunctionName":"a","FunctionName":"b"}`, validation, "2 validation errors detected"},
		{"invalid UTF-8", "{\"FunctionName\":\"\xff\xfe\"}", serialization, `{}`},
		{"half a surrogate", `{"FunctionName":"\ud800"}`, serialization, `{}`},
		{"a NUL", `{"FunctionName":"a\u0000b"}`, validation, "functionName"},
		{"1e999", `{"FunctionName":"a","Timeout":1e999}`, serialization, `{}`},
		{"two documents", `{} {}`, serialization, `{}`},
		{"no base64", `{"FunctionName":"a","Role":"arn:aws:iam::000000000000:role/lambda","Code":{"ZipFile":"!!"}}`, serialization, `{}`},
	} {
		v.want(c.name, v.as("test", "lambda", "POST", "/2015-03-31/functions", strings.NewReader(c.body)), 400, c.kind, c.part)
	}
	json11 := []string{"Content-Type", "application/x-amz-json-1.1", "X-Amz-Target"}
	v.want("nested logs", v.as("test", "logs", "POST", "/", strings.NewReader(strings.Repeat(`{"a":`, 100_000)), append(json11, "Logs_20140328.CreateLogGroup")...), 400, "", `"__type":"SerializationException"`)
	v.want("unknown target", v.as("test", "logs", "POST", "/", strings.NewReader(`{}`), append(json11, "Logs_20140328.Nope")...), 400, "", `"__type":"UnknownOperationException"`)
	v.want("unknown service", v.as("test", "dynamodb", "POST", "/", strings.NewReader(`{}`), append(json11, "DynamoDB_20120810.ListTables")...), 400, "", "dynamodb ListTables is not supported by stagedoor yet. Nothing was changed.")
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	v.want("unknown action", v.as("test", "iam", "POST", "/", strings.NewReader("Action=Nope&Version=2010-05-08"), form...), 400, "", "<Code>InvalidAction</Code>")
	v.want("no form", v.as("test", "iam", "POST", "/", strings.NewReader("Action=CreateRole&%zz=1"), form...), 400, "", "<Code>MalformedInput</Code>")
	v.want("a billionth member", v.as("test", "iam", "POST", "/", strings.NewReader("Action=CreateRole&Version=2010-05-08&RoleName=a&AssumeRolePolicyDocument=x&Tags.member.4000000000.Key=b"), form...), 400, "", "<Code>")
	v.want("unknown path", v.as("test", "lambda", "GET", "/nope/nope", nil), 403, "AccessDeniedException", "Unable to determine service/operation name to be authorized")
	v.want("a wrong number", v.as("test", "lambda", "GET", "/2015-03-31/functions?MaxItems=xyz", nil), 400, serialization, "xyz can not be converted to an Integer")
	v.want("an escaped slash", v.as("test", "lambda", "GET", "/2015-03-31/functions/a%2Fb", nil), 400, validation, "functionName")
	v.want("an escaped NUL", v.as("test", "lambda", "GET", "/2015-03-31/functions/%00", nil), 400, validation, "functionName")
	v.encodings()
	v.alive()
	v.recovers(before)
}

// encodings sends bodies whose wrapping is broken.
func (v *victim) encodings() {
	v.Helper()
	const path = "/2015-03-31/functions"
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, err := io.CopyN(z, blanks{}, 1<<20)
	must(v.T, err)
	must(v.T, z.Close())
	// Gzip files may stand one behind the other: 4 GB in 4 MB.
	bomb := bytes.NewReader(bytes.Repeat(zipped.Bytes(), 4096))
	v.want("gzip bomb", v.as("test", "lambda", "POST", path, bomb, "Content-Encoding", "gzip"), 413, "RequestEntityTooLargeException", "70167211")
	v.want("no gzip", v.as("test", "lambda", "POST", path, strings.NewReader("\x1f\x8bnope"), "Content-Encoding", "gzip"), 400, "SerializationException", "{}")
	for name, body := range map[string]string{
		"a size that is none":    "zz\r\nabc\r\n0\r\n\r\n",
		"a negative size":        "-1\r\nabc\r\n0\r\n\r\n",
		"a chunk that is short":  "ff\r\nabc\r\n0\r\n\r\n",
		"a size near 2^62":       "3fffffffffffffff\r\nabc\r\n0\r\n\r\n",
		"no chunks":              "",
		"less than was declared": "2\r\n{}\r\n0\r\n\r\n",
	} {
		v.want("aws-chunked: "+name, v.as("test", "lambda", "POST", path, strings.NewReader(body), "Content-Encoding", "aws-chunked",
			"X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "X-Amz-Decoded-Content-Length", "3"), 400, "IncompleteBody", "terminated unexpectedly")
	}
}
