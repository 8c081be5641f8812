package stagedoor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Every operation of every service, called by the real clients with inputs that
// have the right types and senseless values: each is answered, and none with a
// failure of the server's own.
func TestHostileOperations(t *testing.T) {
	failures := &failureLog{}
	s, err := New(Options{Listen: "127.0.0.1:0", Ephemeral: true, Logger: slog.New(failures)})
	must(t, err)
	must(t, s.Start(t.Context()))
	defer closeServer(t, s)
	v := furnished(t, s)
	config := aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(s.Endpoint()), Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}
	random := &hostile{rand: rand.New(rand.NewPCG(2, 2026)), api: v.api}
	calls := 0
	for _, client := range []any{lambda.NewFromConfig(config), apigateway.NewFromConfig(config), iam.NewFromConfig(config), sts.NewFromConfig(config), cloudwatchlogs.NewFromConfig(config)} {
		value := reflect.ValueOf(client)
		for i := range value.NumMethod() {
			name, method := value.Type().Method(i).Name, value.Method(i)
			if method.Type().NumIn() != 3 || !strings.HasSuffix(method.Type().In(1).String(), name+"Input") || slices.Contains(leftOut, name) {
				continue
			}
			for range 6 {
				in := reflect.New(method.Type().In(1).Elem())
				random.fill(in.Elem(), name, 0)
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				out := method.Call([]reflect.Value{reflect.ValueOf(ctx), in})
				cancel()
				calls++
				err, _ := out[1].Interface().(error)
				var answer *awshttp.ResponseError
				if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &answer) && answer.HTTPStatusCode() >= 500 {
					t.Errorf("%T.%s: %v\n%+v", client, name, err, in.Elem().Interface())
				}
			}
		}
	}
	if calls < 1000 {
		t.Errorf("only %d calls were made", calls)
	}
	for _, text := range failures.taken() {
		t.Errorf("the server says: %s", text)
	}
	v.want("afterwards", v.get("/mock"), 200, "", "mock")
}

// leftOut need a host of their own or a stream, or would take the ground from
// under the other calls.
var leftOut = []string{"StartLiveTail", "GetLogObject", "InvokeWithResponseStream", "DeleteRestApi", "DeleteStage", "DeleteResource", "DeleteMethod", "DeleteIntegration"}

// failureLog keeps what a server logs as an error.
type failureLog struct {
	mu    sync.Mutex
	texts []string
}

func (f *failureLog) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelError
}
func (f *failureLog) WithAttrs([]slog.Attr) slog.Handler { return f }
func (f *failureLog) WithGroup(string) slog.Handler      { return f }

func (f *failureLog) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
	f.mu.Lock()
	defer f.mu.Unlock()
	f.texts = append(f.texts, text)
	return nil
}

func (f *failureLog) taken() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.texts
}

// hostile makes inputs.
type hostile struct {
	rand *rand.Rand
	api  string
}

// fill gives v, a member called name, some value; members stay absent often.
func (h *hostile) fill(v reflect.Value, name string, depth int) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		h.fill(v.Elem(), name, depth)
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.IsExported() && f.Name != "ResultMetadata" && h.rand.IntN(8) < 7-2*depth {
				h.fill(v.Field(i), f.Name, depth+1)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(h.pick("", "{}", "PK\x03\x04", "\xff", strings.Repeat("[", 10_000))))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), h.rand.IntN(4), 4))
		for i := range v.Len() {
			h.fill(v.Index(i), name, depth)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		h.fill(key, name, depth)
		h.fill(value, name, depth)
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString(h.text(v, name))
	case reflect.Bool:
		v.SetBool(h.rand.IntN(2) == 0)
	case reflect.Int32, reflect.Int64:
		v.SetInt([]int64{0, 1, -1, 50, 1<<31 - 1, -1 << 31}[h.rand.IntN(6)])
	case reflect.Float32, reflect.Float64:
		v.SetFloat([]float64{0, -1.5, 1e30}[h.rand.IntN(3)])
	case reflect.Interface:
		if v.Type() == reflect.TypeFor[io.Reader]() {
			v.Set(reflect.ValueOf(strings.NewReader(h.pick("", "{}", "{"))))
		}
	}
}

func (h *hostile) pick(from ...string) string { return from[h.rand.IntN(len(from))] }

// text is one of an enumeration's values, something that exists, or rubbish.
func (h *hostile) text(v reflect.Value, name string) string {
	if values := v.MethodByName("Values"); values.IsValid() && h.rand.IntN(8) > 0 {
		all := values.Call(nil)[0]
		return all.Index(h.rand.IntN(all.Len())).String()
	}
	const function = "arn:aws:lambda:us-east-1:" + owner + ":function:f"
	known := map[string][]string{
		"RestApiId": {h.api}, "StageName": {"dev"}, "HttpMethod": {"ANY", "GET"}, "FunctionName": {"f", function}, "RoleName": {"lambda"},
		"Role": {"arn:aws:iam::" + owner + ":role/lambda"}, "LogGroupName": {"/aws/lambda/f"}, "Resource": {function}, "ResourceArn": {function},
		"PolicyDocument": {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`},
	}[name]
	if len(known) > 0 && h.rand.IntN(4) > 0 {
		return h.pick(known...)
	}
	return h.pick("", "x", "a\x00b", strings.Repeat("🙂", 10), "../../..", "%00%zz", "*", strings.Repeat("a", 5000), "${stageVariables.x}",
		"{}", "[]", strings.Repeat("{", 2000), `{"Version":"2012-10-17","Statement":[]}`, "{ $.a = ((((", "/", "/a/~1~0/-", "-1", fmt.Sprint(uint64(1<<63)),
		"arn:::::::", function+":$LATEST", "arn:aws:apigateway:us-east-1::/restapis/"+h.api, "$LATEST", "1", "/variables/a", "/*/*/logging/loglevel", "INFO", "python3.12", "NONE", "MOCK")
}
