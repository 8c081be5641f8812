package sigv4_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagedoor/stagedoor/awswire/sigv4"
)

const (
	exampleSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	vanillaAuth   = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
)

// vanilla is the case "get-vanilla" of AWS's test suite for Signature Version 4.
func vanilla() *http.Request {
	r, _ := http.NewRequest("GET", "http://example.amazonaws.com/", nil)
	r.Header.Set("X-Amz-Date", "20150830T123600Z")
	r.Header.Set("Authorization", vanillaAuth)
	return r
}

var vanillaTime = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

func known(string) (string, string, error) { return exampleSecret, "", nil }

func TestVanilla(t *testing.T) {
	s, err := sigv4.Verify(vanilla(), known, sigv4.Options{Now: vanillaTime})
	if err != nil {
		t.Fatal(err)
	}
	want := &sigv4.Signature{
		AccessKeyID: "AKIDEXAMPLE", Date: "20150830", Region: "us-east-1", Service: "service",
		SignedHeaders: []string{"host", "x-amz-date"}, Time: vanillaTime, Timestamp: "20150830T123600Z",
		Value: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
}

// Refusals, in the words of each kind of service.
func TestAnswers(t *testing.T) {
	const notMatching = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	type answer struct {
		Code, Message string
		Status        int
	}
	edit := func(f func(*http.Request)) *http.Request {
		r := vanilla()
		f(r)
		return r
	}
	auth := func(old, new string) *http.Request {
		return edit(func(r *http.Request) { r.Header.Set("Authorization", strings.Replace(vanillaAuth, old, new, 1)) })
	}
	for _, c := range []struct {
		name     string
		request  *http.Request
		options  sigv4.Options
		lookup   sigv4.Lookup
		protocol sigv4.Protocol
		want     answer
	}{
		{
			name: "nothing, query", protocol: sigv4.Query,
			request: edit(func(r *http.Request) { r.Header.Del("Authorization") }),
			want:    answer{"MissingAuthenticationToken", "Request is missing Authentication Token", 403},
		},
		{
			name: "nothing, rest-json", protocol: sigv4.RestJSON,
			request: edit(func(r *http.Request) { r.Header.Del("Authorization") }),
			want:    answer{"MissingAuthenticationTokenException", "Missing Authentication Token", 403},
		},
		{
			name: "bearer", protocol: sigv4.RestJSON,
			request: edit(func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }),
			want:    answer{"IncompleteSignatureException", "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): 'uTem/WB082UJMN2ajD6lH6UChGpTAddMJSx2iu923No='.", 403},
		},
		{
			name: "only the algorithm", protocol: sigv4.Query,
			request: edit(func(r *http.Request) {
				r.Header.Set("Authorization", "AWS4-HMAC-SHA256")
				r.Header.Del("X-Amz-Date")
			}),
			want: answer{"IncompleteSignature", "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed with SHA-256 and encoded with Base64) Authorization=YI2YWea8FSxnksZL2ETHbs5elHm9HQufxTLK0W0ffV0=", 400},
		},
		{
			name: "short credential", request: auth("/us-east-1/service/aws4_request", ""), protocol: sigv4.Query,
			want: answer{"IncompleteSignature", "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKIDEXAMPLE/20150830'", 400},
		},
		{
			name: "bad date", protocol: sigv4.Query,
			request: edit(func(r *http.Request) { r.Header.Set("X-Amz-Date", "yesterday") }),
			want:    answer{"IncompleteSignature", "Date must be in ISO-8601 'basic format'. Got 'yesterday'. See http://en.wikipedia.org/wiki/ISO_8601", 400},
		},
		{
			name: "unknown key, query", request: vanilla(), protocol: sigv4.Query,
			lookup: func(id string) (string, string, error) { return "", "", sigv4.UnknownKey(id) },
			want:   answer{"InvalidClientTokenId", "The security token included in the request is invalid.", 403},
		},
		{
			name: "unknown key, rest-json", request: vanilla(), protocol: sigv4.RestJSON,
			lookup: func(id string) (string, string, error) { return "", "", sigv4.UnknownKey(id) },
			want:   answer{"UnrecognizedClientException", "The security token included in the request is invalid.", 403},
		},
		{
			name: "unknown key, json", request: vanilla(), protocol: sigv4.JSON,
			lookup: func(id string) (string, string, error) { return "", "", sigv4.UnknownKey(id) },
			want:   answer{"UnrecognizedClientException", "The security token included in the request is invalid.", 400},
		},
		{
			name: "session key without its token", request: vanilla(), protocol: sigv4.Query,
			lookup: func(string) (string, string, error) { return exampleSecret, "TOKEN", nil },
			want:   answer{"InvalidClientTokenId", "The security token included in the request is invalid.", 403},
		},
		{
			name: "expired session", request: vanilla(), protocol: sigv4.RestJSON,
			lookup: func(id string) (string, string, error) { return "", "", sigv4.ExpiredToken(id) },
			want:   answer{"ExpiredTokenException", "The security token included in the request is expired", 403},
		},
		{
			name: "expired session, query", request: vanilla(), protocol: sigv4.Query,
			lookup: func(id string) (string, string, error) { return "", "", sigv4.ExpiredToken(id) },
			want:   answer{"ExpiredToken", "The security token included in the request is expired", 403},
		},
		{
			name: "wrong region", request: vanilla(), protocol: sigv4.Query, options: sigv4.Options{Region: "eu-west-1"},
			want: answer{"SignatureDoesNotMatch", "Credential should be scoped to a valid region, not 'us-east-1'. ", 403},
		},
		{
			name: "wrong service", request: vanilla(), protocol: sigv4.RestJSON, options: sigv4.Options{Service: "lambda"},
			want: answer{"InvalidSignatureException", "Credential should be scoped to correct service: 'lambda'. ", 403},
		},
		{
			name: "wrong terminator", request: auth("aws4_request", "aws5_request"), protocol: sigv4.Query,
			want: answer{"SignatureDoesNotMatch", "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. ", 403},
		},
		{
			name: "scope of another day", request: auth("20150830", "20150831"), protocol: sigv4.Query,
			want: answer{"SignatureDoesNotMatch", "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20150831' != '20150830', from '20150830T123600Z'.", 403},
		},
		{
			name: "too late", request: vanilla(), protocol: sigv4.JSON, options: sigv4.Options{Now: vanillaTime.Add(15*time.Minute + time.Second)},
			want: answer{"InvalidSignatureException", "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T125101Z - 15 min.)", 400},
		},
		{
			name: "too early", request: vanilla(), protocol: sigv4.Query, options: sigv4.Options{Now: vanillaTime.Add(-6 * time.Minute), Skew: 5 * time.Minute},
			want: answer{"SignatureDoesNotMatch", "Signature not yet current: 20150830T123600Z is still later than 20150830T123500Z (20150830T123000Z + 5 min.)", 403},
		},
		{
			name: "host not signed", request: auth("host;x-amz-date", "x-amz-date"), protocol: sigv4.RestJSON,
			want: answer{"InvalidSignatureException", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.", 403},
		},
		{
			name: "mismatch", protocol: sigv4.Query,
			request: edit(func(r *http.Request) { r.URL.Path = "/x" }),
			want: answer{"SignatureDoesNotMatch", notMatching +
				"\n\nThe Canonical String for this request should have been\n'GET\n/x\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\nhost;x-amz-date\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'" +
				"\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/service/aws4_request\nd460de8dbac5faeb95bccc0d24967080ca445c574461a0565cab2482325a1dc2'\n", 403},
		},
		{
			name: "mismatch, s3", request: auth("Signature=5", "Signature=6"), protocol: sigv4.S3,
			want: answer{"SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method.", 403},
		},
		{
			name: "presigned, half", protocol: sigv4.Query,
			request: edit(func(r *http.Request) {
				r.Header.Del("Authorization")
				r.URL.RawQuery = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders=host"
			}),
			want: answer{"IncompleteSignature", "AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must include 'X-Amz-Signature'. Re-examine the query-string parameters.", 400},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.lookup == nil {
				c.lookup = known
			}
			if c.options.Now.IsZero() {
				c.options.Now = vanillaTime
			}
			_, err := sigv4.Verify(c.request, c.lookup, c.options)
			var e *sigv4.Error
			if !errors.As(err, &e) {
				t.Fatalf("error = %v", err)
			}
			var got answer
			got.Code, got.Message, got.Status = e.Answer(c.protocol)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// chunkedRequest is the example of the S3 API Reference, "Transferring Payload
// in Multiple Chunks", with its signatures.
func chunkedRequest() (*http.Request, []byte) {
	var body bytes.Buffer
	body.WriteString("10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" + strings.Repeat("a", 65536) + "\r\n")
	body.WriteString("400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n" + strings.Repeat("a", 1024) + "\r\n")
	body.WriteString("0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n")
	r, _ := http.NewRequest("PUT", "http://s3.amazonaws.com/examplebucket/chunkObject.txt", bytes.NewReader(body.Bytes()))
	for name, value := range map[string]string{
		"X-Amz-Date": "20130524T000000Z", "X-Amz-Storage-Class": "REDUCED_REDUNDANCY", "Content-Encoding": "aws-chunked",
		"X-Amz-Content-Sha256": sigv4.StreamingPayload, "X-Amz-Decoded-Content-Length": "66560",
		"Authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class,Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
	} {
		r.Header.Set(name, value)
	}
	return r, body.Bytes()
}

func TestChunkedExample(t *testing.T) {
	const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	r, body := chunkedRequest()
	s, err := sigv4.Verify(r, func(string) (string, string, error) { return secret, "", nil },
		sigv4.Options{Now: time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC), Service: "s3"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.VerifyBody(body, secret); err != nil {
		t.Error(err)
	}
	for name, torn := range map[string][]byte{
		"ends early":    body[:66000],
		"changed":       bytes.Replace(body, []byte("aaaa\r\n0;"), []byte("aaab\r\n0;"), 1),
		"no signature":  bytes.Replace(body, []byte("400;chunk-signature="), []byte("400;"), 1),
		"negative size": append([]byte("-"), body...),
		"empty":         nil,
	} {
		if err := s.VerifyBody(torn, secret); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// The example of the S3 API Reference, "… Including Trailing Headers".
func TestTrailerExample(t *testing.T) {
	const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	body := []byte("10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n" + strings.Repeat("a", 65536) + "\r\n" +
		"400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n" + strings.Repeat("a", 1024) + "\r\n" +
		"0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n" +
		"x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n")
	r, _ := http.NewRequest("PUT", "http://s3.amazonaws.com/examplebucket/chunkObject.txt", nil)
	for name, value := range map[string]string{
		"X-Amz-Date": "20130524T000000Z", "X-Amz-Storage-Class": "REDUCED_REDUNDANCY", "Content-Encoding": "aws-chunked",
		"X-Amz-Content-Sha256": sigv4.StreamingPayloadTrailer, "X-Amz-Decoded-Content-Length": "66560", "X-Amz-Trailer": "x-amz-checksum-crc32c",
		"Authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer,Signature=106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
	} {
		r.Header.Set(name, value)
	}
	s, err := sigv4.Verify(r, func(string) (string, string, error) { return secret, "", nil },
		sigv4.Options{Now: time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC), Service: "s3"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.VerifyBody(body, secret); err != nil {
		t.Error(err)
	}
	for name, changed := range map[string][]byte{
		"another checksum": bytes.Replace(body, []byte("sOO8"), []byte("sOO9"), 1),
		"no signature":     bytes.Replace(body, []byte("x-amz-trailer-signature"), []byte("x-amz-trailer-x"), 1),
	} {
		if err := s.VerifyBody(changed, secret); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Canonicalisation must survive whatever a client sends.
func FuzzVerify(f *testing.F) {
	f.Add("/a/../b//c%2", "b=2&a=%zz&&=&a+b=c", "host;x-amz-date;x;content-length", "  a   b ", "s3")
	f.Add("/", "X-Amz-Algorithm=x&X-Amz-Credential=////", "", "", "iam")
	f.Fuzz(func(t *testing.T, path, query, headers, value, service string) {
		r, err := http.NewRequest("GET", "http://localhost/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.RequestURI = path
		r.URL.Path, r.URL.RawQuery = path, query
		r.Header.Set("X-Amz-Date", "20150830T123600Z")
		r.Header.Set("X", value)
		for _, auth := range []string{
			"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/" + service + "/aws4_request, SignedHeaders=" + headers + ", Signature=00",
			value, "",
		} {
			r.Header.Set("Authorization", auth)
			sigv4.ScopeOf(r)
			s, err := sigv4.Verify(r, known, sigv4.Options{Now: vanillaTime})
			var e *sigv4.Error
			if !errors.As(err, &e) {
				t.Fatalf("a made-up signature: %v", err)
			}
			if code, message, status := e.Answer(sigv4.RestJSON); code == "" || message == "" || status == 0 {
				t.Fatalf("empty answer for %+v", e)
			}
			if s != nil {
				_ = s.VerifyBody([]byte(value), "secret")
			}
		}
	})
}

// Paths as AWS canonicalises them: the cases "normalize-path" of AWS's test
// suite for Signature Version 4, and S3's rule to leave them alone.
func TestCanonicalPath(t *testing.T) {
	for _, c := range []struct{ service, raw, want string }{
		{"service", "/", "/"},
		{"service", "//", "/"},
		{"service", "/./", "/"},
		{"service", "/./example", "/example"},
		{"service", "/example/..", "/"},
		{"service", "/example1/example2/../..", "/"},
		{"service", "//example//", "/example/"},
		{"service", "/a/../../b", "/b"},
		{"service", "/example%20space/", "/example%2520space/"},
		{"service", "/arn%3Aaws%3Alambda", "/arn%253Aaws%253Alambda"},
		{"s3", "//a/./b/../c", "//a/./b/../c"},
		{"s3", "/a%20b%3a$", "/a%20b%3A%24"},
		{"s3", "/%zz", "/%zz"},
	} {
		r := vanilla()
		r.RequestURI = c.raw
		r.Header.Set("Authorization", strings.Replace(strings.Replace(vanillaAuth, "Signature=5", "Signature=6", 1), "/service/", "/"+c.service+"/", 1))
		_, err := sigv4.Verify(r, known, sigv4.Options{Now: vanillaTime})
		var e *sigv4.Error
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		if got := strings.Split(e.CanonicalRequest, "\n")[1]; got != c.want {
			t.Errorf("%s %s becomes %s, want %s", c.service, c.raw, got, c.want)
		}
	}
}
