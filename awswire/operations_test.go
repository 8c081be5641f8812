package awswire

import (
	"context"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var update = flag.Bool("update", false, "rewrite testdata")

// eventStreams are outside of the codec: their stream field is not exported.
var eventStreams = map[string]bool{"InvokeWithResponseStream": true, "GetLogObject": true, "StartLiveTail": true}

// diff compares SDK values; an empty list and none are the same where the wire cannot tell them apart.
func diff(want, got any) string {
	return cmp.Diff(want, got,
		cmp.Exporter(func(reflect.Type) bool { return true }),
		cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".ResultMetadata" }, cmp.Ignore()),
		cmp.FilterValues(func(a, b io.Reader) bool { return true }, cmp.Comparer(func(a, b io.Reader) bool {
			x, _ := io.ReadAll(a)
			y, _ := io.ReadAll(b)
			return string(x) == string(y)
		})),
		cmpopts.EquateApproxTime(time.Millisecond), // the SDK's float arithmetic loses the last millisecond
		// The SDK's client overwrites GetExport's Accept header with application/json.
		cmp.FilterPath(func(p cmp.Path) bool { return p.GoString() == "{*apigateway.GetExportInput}.Accepts" }, cmp.Ignore()),
		// A form cannot carry a structure that has only empty maps.
		cmp.FilterValues(func(a, b *cwtypes.Entity) bool { return emptyEntity(a) && emptyEntity(b) }, cmp.Ignore()),
		cmpopts.EquateEmpty())
}

func emptyEntity(e *cwtypes.Entity) bool {
	return e == nil || len(e.Attributes)+len(e.KeyAttributes) == 0
}

// fixture is one operation between an SDK client and a server.
type fixture struct {
	svc      *Service
	rt       *memory
	m        clientMethod
	received any
	answer   any
	fail     error
}

// newFixtures returns fixtures by service, and by "service protocol" for those that speak more than one.
func newFixtures(t *testing.T) map[string]map[string]*fixture {
	t.Helper()
	all := fixturesOf(t, "", sdkClients)
	for _, protocol := range []string{protocolJSON, protocolQuery} {
		for name, fxs := range fixturesOf(t, protocol, func(rt http.RoundTripper) map[string]any {
			return map[string]any{"cloudwatch": cloudwatchClient(rt, protocol)}
		}) {
			all[name+" "+protocol] = fxs
		}
	}
	return all
}

func fixturesOf(t *testing.T, protocol string, newClients func(http.RoundTripper) map[string]any) map[string]map[string]*fixture {
	t.Helper()
	rt := &memory{}
	clients := newClients(rt)
	all := map[string]map[string]*fixture{}
	handlers := map[string]Operations{}
	for name, client := range clients {
		svc := Load(name)
		all[name], handlers[name] = map[string]*fixture{}, Operations{}
		for _, op := range svc.Operations() {
			fx := &fixture{rt: rt, m: method(t, client, op)}
			all[name][op] = fx
			handlers[name][op] = Operation{in: fx.m.in, out: fx.m.out, call: func(_ context.Context, in any) (any, error) {
				fx.received = in
				return fx.answer, fx.fail
			}}
		}
	}
	srv := NewServer(ServerOptions{Services: handlers, Unions: unions(), Account: "000000000000", Region: "eu-west-1"})
	if err := srv.Check(); err != nil {
		t.Fatal(err)
	}
	for name, fxs := range all {
		svc := srv.service(name).speaking(protocol)
		for op, fx := range fxs {
			if _, err := svc.plan(op, fx.m.in, fx.m.out); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range svc.plans { // random values break rules: this test is about the codec
			p.check, p.elemCheck, p.keyCheck, p.required = nil, nil, nil, 0
			for _, f := range p.fields {
				f.bit = 0
			}
		}
		for _, fx := range fxs {
			fx.svc = svc
		}
	}
	rt.h = srv
	return all
}

func TestAllOperations(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	count := 0
	for service, fxs := range newFixtures(t) {
		for op, fx := range fxs {
			t.Run(service+"/"+op, func(t *testing.T) {
				cp, err := fx.svc.plan(op, fx.m.in, fx.m.out)
				if err != nil {
					t.Fatal(err)
				}
				for range 3 {
					roundTrip(t, r, fx, cp)
					count++
				}
			})
		}
	}
	t.Logf("%d round trips", count)
}

func roundTrip(t *testing.T, r *rand.Rand, fx *fixture, cp *callPlan) {
	t.Helper()
	f := &filler{r: r}
	in, out := reflect.New(fx.m.in), reflect.New(fx.m.out)
	want := reflect.New(fx.m.in) // streams are read once
	if cp.in != nil {
		f.fill(cp.in, nil, in.Elem())
	}
	want.Elem().Set(in.Elem())
	setStreams(in.Elem())
	setStreams(want.Elem())
	if cp.out != nil {
		f.fill(cp.out, nil, out.Elem())
	}
	for _, sf := range outStatus(cp) {
		out.Elem().Field(sf.index).SetInt(200)
	}
	fx.received, fx.answer, fx.fail = nil, out.Interface(), nil
	if eventStreams[cp.name] {
		fx.fail = &Error{Code: "NoStream"} // two streams of one SDK client race with each other
	}
	got, err := fx.m.call(in)
	if fx.received == nil {
		t.Fatalf("the call did not arrive: %v", err)
	}
	if d := diff(want.Interface(), fx.received); d != "" {
		t.Errorf("input (-sent +received):\n%s", d)
	}
	if eventStreams[cp.name] {
		return
	}
	if err != nil {
		t.Fatalf("the answer was not understood: %v\n%s", err, fx.rt.body)
	}
	if d := diff(out.Interface(), got); d != "" {
		t.Errorf("output (-sent +received):\n%s\n%s", d, fx.rt.body)
	}
}

// setStreams gives the input seekable streams, which the SDK's signer wants, of its own.
func setStreams(v reflect.Value) {
	for i := range v.NumField() {
		if f := v.Field(i); f.CanSet() && f.Type() == reflect.TypeFor[io.Reader]() {
			f.Set(reflect.ValueOf(strings.NewReader("stream")))
		}
	}
}

func outStatus(cp *callPlan) (fs []*field) {
	if cp.out != nil {
		for _, f := range cp.out.fields {
			if f.loc == inStatus {
				fs = append(fs, f)
			}
		}
	}
	return fs
}

// TestAllErrors sends every modelled error of every operation twice: as *Error with its code, which must come back as the
// SDK's typed error, and as that typed error, which must come back as itself.
func TestAllErrors(t *testing.T) {
	pairs := 0
	for service, fxs := range newFixtures(t) {
		for op, fx := range fxs {
			for _, ref := range fx.svc.model.Operations[op].Errors {
				shape := fx.svc.model.Shapes[ref.Shape]
				code := shape.Error.Code
				if code == "" || strings.HasPrefix(service, "cloudwatch") { // two of its errors share a code
					code = shape.name
				}
				if service == "cloudwatch "+protocolQuery && shape.name == "DashboardNotFoundError" {
					continue // its code is another error's name, and there is nothing else on this wire
				}
				in := reflect.New(fx.m.in)
				cp, _ := fx.svc.plan(op, fx.m.in, fx.m.out)
				if cp.in != nil {
					(&filler{r: rand.New(rand.NewPCG(3, 4))}).fill(cp.in, nil, in.Elem())
					setStreams(in.Elem())
				}
				message := "no <such> thing & \"more\" " + shape.name
				fx.fail = &Error{Code: code, Message: message}
				_, err := fx.m.call(in)
				first := typedError(err, shape.name)
				if first == nil {
					t.Fatalf("%s %s: %s arrives as %v", service, op, code, err)
				}
				// Now the SDK's own type, as handlers return it.
				fx.fail = first.(error)
				_, err = fx.m.call(in)
				second := typedError(err, shape.name)
				if second == nil {
					t.Fatalf("%s %s: typed %s arrives as %v", service, op, shape.name, err)
				}
				if got := second.(coded); got.ErrorMessage() != message {
					t.Fatalf("%s %s: message %q, want %q", service, op, got.ErrorMessage(), message)
				}
				if d := diff(first, second); d != "" {
					t.Errorf("%s %s %s: %s", service, op, code, d)
				}
				if got := fx.rt.last.StatusCode; got != shape.statusCode() {
					t.Errorf("%s %s %s: status %d, want %d", service, op, code, got, shape.statusCode())
				}
				pairs++
			}
		}
	}
	t.Logf("%d pairs of operation and error", pairs)
}

// typedError finds the SDK's modelled error in err's chain: a pointer to a struct named like the shape.
func typedError(err error, shape string) any {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if v := reflect.TypeOf(e); v.Kind() == reflect.Pointer && strings.EqualFold(v.Elem().Name(), shape) {
			return e
		}
	}
	return nil
}

// TestFieldsOutsideTheModel lists what would be silently lost: Go fields that the model does not know (the SDK is newer
// than the models) and members without a Go field. The list is testdata/outside.txt; -update rewrites it.
func TestFieldsOutsideTheModel(t *testing.T) {
	var lines []string
	for service, fxs := range fixturesOf(t, "", sdkClients) {
		seen := map[reflect.Type]map[string]bool{}
		var svc *Service
		for op, fx := range fxs {
			svc = fx.svc
			cp, _ := svc.plan(op, fx.m.in, fx.m.out)
			for typ, shape := range map[reflect.Type]*plan{fx.m.in: cp.in, fx.m.out: cp.out} {
				if shape == nil && seen[typ] == nil {
					seen[typ] = map[string]bool{}
				}
			}
		}
		for _, p := range svc.plans {
			if p.kind != kindStruct {
				continue
			}
			if seen[p.typ] == nil {
				seen[p.typ] = map[string]bool{}
			}
			for _, f := range p.fields {
				seen[p.typ][p.typ.Field(f.index).Name] = true
			}
		}
		for typ, known := range seen {
			for i := range typ.NumField() {
				if f := typ.Field(i); f.IsExported() && !known[f.Name] && f.Name != "ResultMetadata" {
					lines = append(lines, "field "+service+" "+typ.Name()+"."+f.Name)
				}
			}
		}
		for _, m := range svc.missing {
			lines = append(lines, "member "+service+" "+m)
		}
	}
	slices.Sort(lines)
	got := strings.Join(slices.Compact(lines), "\n") + "\n"
	const file = "testdata/outside.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("run with -update after reading the list:\n%s", d)
	}
}
