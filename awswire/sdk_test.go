package awswire

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	cwltypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"
	"github.com/aws/smithy-go/transport/http/protocol/awsquery"
)

// The SDK's clients are the independent oracle of this package: whatever they send we must read, whatever we write they
// must read.

func unions() []any {
	return []any{
		&cwltypes.IntegrationDetailsMemberOpenSearchIntegrationDetails{},
		&cwltypes.ResourceConfigMemberOpenSearchResourceConfig{},
		&cwtypes.EvaluationCriteriaMemberPromQLCriteria{},
	}
}

// memory is an http.RoundTripper that asks a handler.
type memory struct {
	h    http.Handler
	last *http.Response
	body []byte
}

func (m *memory) RoundTrip(r *http.Request) (*http.Response, error) {
	in := httptest.NewRequest(r.Method, r.URL.String(), nil)
	in.Header, in.Host, in.ContentLength = r.Header.Clone(), r.Host, r.ContentLength
	if r.Body != nil {
		in.Body = r.Body
	}
	in.URL.RawPath = r.URL.RawPath
	rec := httptest.NewRecorder()
	m.h.ServeHTTP(rec, in)
	canonical := http.Header{}
	for k, v := range rec.Header() {
		canonical[http.CanonicalHeaderKey(k)] = v
	}
	res := &http.Response{StatusCode: rec.Code, Header: canonical, Request: r, ProtoMajor: 1, ProtoMinor: 1}
	m.body = rec.Body.Bytes()
	res.Body = io.NopCloser(bytes.NewReader(m.body))
	res.ContentLength = int64(len(m.body))
	m.last = res
	return res, nil
}

// sdkClients returns one client per model name.
func sdkClients(rt http.RoundTripper) map[string]any {
	cfg := aws.Config{Region: "eu-west-1", HTTPClient: &http.Client{Transport: rt},
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
		BaseEndpoint: aws.String("http://localhost:4566"), RetryMaxAttempts: 1}
	return map[string]any{
		"lambda":       lambda.NewFromConfig(cfg),
		"apigateway":   apigateway.NewFromConfig(cfg),
		"apigatewayv2": apigatewayv2.NewFromConfig(cfg),
		"cloudwatch":   cloudwatch.NewFromConfig(cfg),
		"logs":         cloudwatchlogs.NewFromConfig(cfg, func(o *cloudwatchlogs.Options) { o.EndpointOptions.DisableHTTPS = true }),
		"iam":          iam.NewFromConfig(cfg),
		"sts":          sts.NewFromConfig(cfg),
	}
}

// cloudwatchClient is the SDK's client made to speak another of CloudWatch's protocols.
func cloudwatchClient(rt http.RoundTripper, protocol string) *cloudwatch.Client {
	return cloudwatch.NewFromConfig(aws.Config{Region: "eu-west-1", HTTPClient: &http.Client{Transport: rt},
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
		BaseEndpoint: aws.String("http://localhost:4566"), RetryMaxAttempts: 1}, func(o *cloudwatch.Options) {
		switch protocol {
		case protocolJSON:
			o.Protocol = awsjson.New10(schemas.GraniteServiceVersion20100801)
		case protocolQuery:
			o.Protocol = awsquery.New(schemas.GraniteServiceVersion20100801)
		}
	})
}

// clientMethod is a method of an SDK client.
type clientMethod struct {
	fn      reflect.Value
	in, out reflect.Type
}

func method(t *testing.T, client any, name string) clientMethod {
	t.Helper()
	fn := reflect.ValueOf(client).MethodByName(name)
	if !fn.IsValid() {
		t.Fatalf("the SDK client has no method %s", name)
	}
	return clientMethod{fn, fn.Type().In(1).Elem(), fn.Type().Out(0).Elem()}
}

func (m clientMethod) call(in reflect.Value) (any, error) {
	res := m.fn.Call([]reflect.Value{reflect.ValueOf(context.Background()), in})
	err, _ := res[1].Interface().(error)
	return res[0].Interface(), err
}

// filler makes random values that fit a plan.
type filler struct {
	r     *rand.Rand
	depth int
}

var samples = []string{"a", "ab/cd", "50%", "a&b=c", "<x>", `say "hi"`, "grüße", "日本語", "a+b c", "😀", "x:y;z", "{\"a\":[1]}", "~_-.!*'()"}

func (f *filler) text(loc location) string {
	if loc == inHeader {
		return []string{"abc", "a b", "x/y", "q=1"}[f.r.IntN(4)]
	}
	return samples[f.r.IntN(len(samples))] + samples[f.r.IntN(len(samples))]
}

func (f *filler) fill(p *plan, fl *field, dst reflect.Value) {
	loc, tf := inBody, timeUnix
	if fl != nil {
		loc, tf = fl.loc, fl.time
	}
	switch p.kind {
	case kindStruct:
		if f.depth > 8 { // shapes may be recursive
			return
		}
		f.depth++
		defer func() { f.depth-- }()
		v := p.target(dst)
		for _, sub := range p.fields {
			f.fill(sub.plan, sub, v.Field(sub.index))
		}
	case kindUnion:
		if len(p.fields) == 0 {
			return
		}
		sub := p.fields[f.r.IntN(len(p.fields))]
		v := reflect.New(sub.plan.typ.Elem())
		f.fill(sub.plan.elem, sub, v.Elem().Field(0))
		dst.Set(v)
	case kindList:
		n := f.r.IntN(3) // now and then an empty list
		if loc == inQuery {
			n = 1 // the SDK's signer sorts repeated parameters
		}
		v := reflect.MakeSlice(p.typ, n, n)
		for i := range n {
			f.fill(p.elem, fl, v.Index(i))
		}
		dst.Set(v)
	case kindMap:
		v := reflect.MakeMap(p.typ)
		for range f.r.IntN(3) {
			k, e := reflect.New(p.key.typ).Elem(), reflect.New(p.elem.goType()).Elem()
			f.fill(p.key, fl, k)
			f.fill(p.elem, fl, e)
			v.SetMapIndex(k, e)
		}
		dst.Set(v)
	default:
		f.scalar(p, loc, tf, dst)
	}
}

func (f *filler) scalar(p *plan, loc location, tf timeFormat, dst reflect.Value) {
	switch p.kind {
	case kindString:
		if len(p.shape.Enum) > 0 {
			p.setString(dst, p.shape.Enum[f.r.IntN(len(p.shape.Enum))])
			return
		}
		p.setString(dst, f.text(loc))
	case kindBool:
		p.setBool(dst, f.r.IntN(2) == 0)
	case kindInt:
		p.setInt(dst, int64(f.r.Int32()))
	case kindFloat:
		p.setFloat(dst, float64(f.r.IntN(1000))/8)
	case kindBlob:
		dst.SetBytes([]byte(f.text(inBody)))
	case kindStream:
		if rc := io.NopCloser(strings.NewReader("stream")); reflect.TypeOf(rc).Implements(p.typ) {
			dst.Set(reflect.ValueOf(rc))
		}
	case kindTime:
		ms := f.r.Int64N(4e12)
		if tf == timeHTTP || loc != inBody {
			ms -= ms % 1000
		}
		p.setTime(dst, time.UnixMilli(ms).UTC())
	}
}

func reflectType[T any]() reflect.Type       { return reflect.TypeFor[T]() }
func reflectNew(cp *callPlan) reflect.Value  { return reflect.New(cp.in.typ).Elem() }
func reflectValue(pointer any) reflect.Value { return reflect.ValueOf(pointer).Elem() }

// decodeText decodes a request that is given by its target and body, as the server would.
func decodeText(t *testing.T, s *Service, op string, m clientMethod, target, body string) error {
	t.Helper()
	cp, err := s.plan(op, m.in, m.out)
	if err != nil {
		t.Fatal(err)
	}
	r := &wireRequest{body: []byte(body)}
	switch s.codec.(type) {
	case restJSON:
		u, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		r.query = u.Query()
		got, labels, _ := s.routes().find(cp.op.HTTP.Method, u.EscapedPath(), r.query)
		if got != op {
			t.Fatalf("%s goes to %q", target, got)
		}
		r.labels = labels
	case queryXML:
		values, err := url.ParseQuery(body)
		if err != nil {
			t.Fatal(err)
		}
		if r.form, err = parseForm(values); err != nil {
			t.Fatal(err)
		}
	}
	_, err = s.decode(cp, r, reflect.New(m.in).Elem())
	return err
}
