package awswire

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
)

func (fake) PutMetricData(ctx context.Context, in *cloudwatch.PutMetricDataInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.PutMetricDataOutput, error) {
	if *in.Namespace == "refused" {
		return nil, &types.InvalidParameterValueException{Message: aws.String("The parameters MetricData.member.1.Values and MetricData.member.1.Counts must be of the same size.")}
	}
	return &cloudwatch.PutMetricDataOutput{}, nil
}

func (fake) SetAlarmState(ctx context.Context, in *cloudwatch.SetAlarmStateInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.SetAlarmStateOutput, error) {
	return nil, &types.ResourceNotFound{}
}

func (fake) GetMetricData(ctx context.Context, in *cloudwatch.GetMetricDataInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error) {
	return &cloudwatch.GetMetricDataOutput{Messages: []types.MessageData{}, MetricDataResults: []types.MetricDataResult{{
		Id: in.MetricDataQueries[0].Id, StatusCode: types.StatusCodeComplete, Timestamps: []time.Time{*in.StartTime}, Values: []float64{41, 0.5},
	}}}, nil
}

func cloudwatchServer() *Server { return NewServer(fakeOptions()) }

// asCBOR makes a test body; timestamps are tagged.
func asCBOR(t testing.TB, v any) []byte {
	t.Helper()
	mode, err := cbor.EncOptions{Time: cbor.TimeUnixMicro, TimeTag: cbor.EncTagRequired}.EncMode()
	if err != nil {
		t.Fatal(err)
	}
	b, err := mode.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func callCBOR(srv *Server, operation string, body []byte, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "http://localhost/service/GraniteServiceVersion20100801/operation/"+operation, bytes.NewReader(body))
	r.Header.Set("Smithy-Protocol", "rpc-v2-cbor")
	r.Header.Set("Content-Type", contentCBOR)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	srv.ServeHTTP(rec, r)
	return rec
}

// TestCBORErrors: AWS recordings test_exception_serializing_with_no_shape_in_spec and test_put_metric_data_validation
// (2025) show types, messages, codes and statuses.
func TestCBORErrors(t *testing.T) {
	srv := cloudwatchServer()
	alarm := map[string]any{"AlarmName": "a", "StateValue": "OK", "StateReason": "test"}
	bad := map[string]any{"AlarmName": "a", "StateValue": "INVALID", "StateReason": "test"}
	for _, c := range []struct {
		name, operation string
		in              any
		queryMode       bool
		status          int
		want            map[string]string
		header          string
	}{
		{"enum", "SetAlarmState", bad, false, 400, map[string]string{"__type": "com.amazon.coral.validate#ValidationException",
			"message": "1 validation error detected: Value 'INVALID' at 'stateValue' failed to satisfy constraint: Member must satisfy enum value set: [INSUFFICIENT_DATA, ALARM, OK]"}, ""},
		{"enum, query mode", "SetAlarmState", bad, true, 400, map[string]string{"__type": "com.amazon.coral.validate#ValidationException",
			"message": "1 validation error detected: Value 'INVALID' at 'stateValue' failed to satisfy constraint: Member must satisfy enum value set: [INSUFFICIENT_DATA, ALARM, OK]"}, "ValidationError;Sender"},
		{"not found", "SetAlarmState", alarm, false, 400, map[string]string{"__type": "com.amazonaws.cloudwatch.v2010_08_01#ResourceNotFound"}, ""},
		{"not found, query mode", "SetAlarmState", alarm, true, 404, map[string]string{"__type": "com.amazonaws.cloudwatch.v2010_08_01#ResourceNotFound"}, "ResourceNotFound;Sender"},
		{"typed, query mode", "PutMetricData", map[string]any{"Namespace": "refused"}, true, 400, map[string]string{
			"__type":  "com.amazonaws.cloudwatch.v2010_08_01#InvalidParameterValueException",
			"message": "The parameters MetricData.member.1.Values and MetricData.member.1.Counts must be of the same size."}, "InvalidParameterValue;Sender"},
		{"no such operation", "PutNothing", bad, true, 400, map[string]string{"__type": "com.amazon.coral.service#UnknownOperationException"}, "InvalidAction;Sender"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var header []string
			if c.queryMode {
				header = []string{"X-Amzn-Query-Mode", "true"}
			}
			rec := callCBOR(srv, c.operation, asCBOR(t, c.in), header...)
			got := map[string]string{}
			if err := cbor.Unmarshal(rec.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
			if rec.Code != c.status {
				t.Errorf("status %d, want %d", rec.Code, c.status)
			}
			if h := rec.Header().Get("X-Amzn-Query-Error"); h != c.header {
				t.Errorf("X-Amzn-Query-Error: %q, want %q", h, c.header)
			}
			if p := rec.Header().Get("Smithy-Protocol"); p != "rpc-v2-cbor" {
				t.Errorf("Smithy-Protocol: %q", p)
			}
		})
	}
}

// TestCBORForms: what RFC 8949 allows a client to send is read; what is broken is refused, never trusted.
func TestCBORForms(t *testing.T) {
	srv := cloudwatchServer()
	text := func(s string) string { return fmt.Sprintf("%02x", 0x60+len(s)) + hex.EncodeToString([]byte(s)) }
	metric := func(value string) string {
		return "a2" + text("Namespace") + text("n") + text("MetricData") + "81a2" + text("MetricName") + text("m") + text("Value") + value
	}
	for _, c := range []struct {
		name, body string
		ok         bool
	}{
		{"integer for a double", metric("01"), true},
		{"negative integer for a double", metric("20"), true},
		{"half", metric("f93c00"), true},
		{"single", metric("fa3f800000"), true},
		{"double", metric("fb3ff0000000000000"), true},
		{"NaN reaches the service", metric("f97e00"), true},
		{"null is absent", metric("f6"), true},
		{"undefined is absent", metric("f7"), true},
		{"indefinite map", "bf" + text("Namespace") + text("n") + "ff", true},
		{"indefinite string", "a1" + text("Namespace") + "7f" + text("a") + text("b") + "ff", true},
		{"indefinite key", "a1" + "7f" + text("Name") + text("space") + "ff" + text("n"), true},
		{"unknown members of every kind", "a6" + text("Namespace") + text("n") + text("a") + "c074" + hex.EncodeToString([]byte("2013-03-21T20:04:00Z")) +
			text("b") + "9f01ff" + text("c") + "a10102" + text("d") + "4101" + text("e") + "bf0102ff", true},
		{"text for a double", metric(text("1")), false},
		{"list for a double", metric("80"), false},
		{"tagged double", metric("c1fb3ff0000000000000"), false},
		{"empty", "", false}, // Namespace is required
		{"two items", "a1" + text("Namespace") + text("n") + "a0", false},
		{"list", "80", false},
		{"number as key", "a101" + text("n"), false},
		{"cut off", "a1" + text("Namespace"), false},
		{"length beyond the body", "a1" + text("Namespace") + "7bffffffffffffffff", false},
		{"map length beyond the body", "bbffffffffffffffff", false},
		{"list length beyond the body", "a1" + text("MetricData") + "9bffffffffffffffff", false},
		{"reserved", "a1" + text("Namespace") + "7c", false},
		{"indefinite integer", "a1" + text("Namespace") + "1f", false},
		{"chunk of another kind", "a1" + text("Namespace") + "7f4161ff", false},
		{"chunk in a chunk", "a1" + text("Namespace") + "7f7f6161ffff", false},
		{"not UTF-8", "a1" + text("Namespace") + "61ff", false},
		{"break alone", "ff", false},
		{"deep", "a2" + text("Namespace") + text("n") + text("x") + strings.Repeat("81", 200) + "00", false},
		{"deep tags", "a2" + text("Namespace") + text("n") + text("x") + strings.Repeat("c1", 200) + "00", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			body, err := hex.DecodeString(c.body)
			if err != nil {
				t.Fatal(err)
			}
			rec := callCBOR(srv, "PutMetricData", body)
			if ok := rec.Code == 200; ok != c.ok {
				t.Errorf("status %d: %q", rec.Code, rec.Body)
			}
		})
	}
}

func TestCBORTimestamps(t *testing.T) {
	srv := cloudwatchServer()
	query := []any{map[string]any{"Id": "m"}}
	for name, c := range map[string]struct {
		start any
		want  time.Time
	}{
		"integer":      {cbor.Tag{Number: 1, Content: 1363896240}, time.Date(2013, 3, 21, 20, 4, 0, 0, time.UTC)},
		"double":       {cbor.Tag{Number: 1, Content: 1363896240.5}, time.Date(2013, 3, 21, 20, 4, 0, 5e8, time.UTC)},
		"before 1970":  {cbor.Tag{Number: 1, Content: -1}, time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC)},
		"no tag":       {1363896240, time.Time{}},
		"other tag":    {cbor.Tag{Number: 0, Content: "2013-03-21T20:04:00Z"}, time.Time{}},
		"text":         {cbor.Tag{Number: 1, Content: "1"}, time.Time{}},
		"NaN":          {cbor.Tag{Number: 1, Content: math.NaN()}, time.Time{}},
		"out of range": {cbor.Tag{Number: 1, Content: 1e300}, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			rec := callCBOR(srv, "GetMetricData", asCBOR(t, map[string]any{"MetricDataQueries": query, "StartTime": c.start, "EndTime": cbor.Tag{Number: 1, Content: 2}}))
			if c.want.IsZero() {
				if rec.Code != 400 {
					t.Errorf("status %d: %q", rec.Code, rec.Body)
				}
				return
			}
			var out struct {
				MetricDataResults []struct{ Timestamps []time.Time }
			}
			if err := cbor.Unmarshal(rec.Body.Bytes(), &out); err != nil || rec.Code != 200 {
				t.Fatalf("status %d, %v: %q", rec.Code, err, rec.Body)
			}
			if got := out.MetricDataResults[0].Timestamps[0]; !got.Equal(c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// TestCompressedBody: SDKs compress the body of PutMetricData from 10 KB on (the model's requestcompression).
func TestCompressedBody(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(asCBOR(t, map[string]any{"Namespace": "refused"}))
	_ = z.Close()
	rec := callCBOR(cloudwatchServer(), "PutMetricData", packed.Bytes(), "Content-Encoding", "gzip")
	if !strings.Contains(rec.Body.String(), "must be of the same size") {
		t.Errorf("%d %q", rec.Code, rec.Body)
	}
	packed.Reset()
	z = gzip.NewWriter(&packed)
	_, _ = z.Write(make([]byte, 64*mebibyte))
	_ = z.Close()
	if rec := callCBOR(cloudwatchServer(), "PutMetricData", packed.Bytes(), "Content-Encoding", "gzip"); rec.Code != 413 {
		t.Errorf("a bomb: %d %q", rec.Code, rec.Body)
	}
}

// TestCBORElsewhere: what is addressed in CBOR gets its answer in CBOR, whoever is meant.
func TestCBORElsewhere(t *testing.T) {
	for _, c := range []struct{ path, protocol, want string }{
		{"/service/Nothing/operation/Do", "rpc-v2-cbor", "UnsupportedOperation"},
		{"/service/Logs_20140328/operation/PutLogEvents", "rpc-v2-cbor", "UnsupportedOperation"},
		{"/", "rpc-v2-cbor", "UnknownOperationException"},
		{"/service/GraniteServiceVersion20100801/operation/GetMetricData", "rpc-v2-json", "UnsupportedOperation"},
	} {
		r := httptest.NewRequest("POST", "http://localhost"+c.path, http.NoBody)
		r.Header.Set("Smithy-Protocol", c.protocol)
		rec := httptest.NewRecorder()
		cloudwatchServer().ServeHTTP(rec, r)
		var got struct {
			Type string `cbor:"__type"`
		}
		if err := cbor.Unmarshal(rec.Body.Bytes(), &got); err != nil || got.Type != c.want {
			t.Errorf("%s: %v %q %v, want %s", c.path, rec.Code, rec.Body, err, c.want)
		}
	}
}

// FuzzCBOR: no body makes the decoder panic; what it accepts is well-formed by an independent reader, and written out and
// read again it stays the same.
func FuzzCBOR(f *testing.F) {
	now := time.Unix(1363896240, 5e8)
	f.Add(asCBOR(f, map[string]any{"Namespace": "n", "MetricData": []any{map[string]any{"MetricName": "m", "Values": []float64{1, 2}, "Timestamp": now,
		"Dimensions": []any{map[string]any{"Name": "a", "Value": "b"}}}}, "StrictEntityValidation": true,
		"EntityMetricData": []any{map[string]any{"Entity": map[string]any{"Attributes": map[string]string{"a": "b"}}}}}))
	for _, text := range []string{"", "a0", "80", "f6", "bfff", "a1694e616d6573706163657f6161ff", "9bffffffffffffffff", strings.Repeat("a16161", 300),
		"a1694e616d657370616365c1fb7ff8000000000000", "a1646e756c6cf7"} {
		b, _ := hex.DecodeString(text)
		f.Add(b)
	}
	s := Load("cloudwatch")
	cp, err := s.plan("PutMetricData", reflect.TypeFor[cloudwatch.PutMetricDataInput](), nil)
	if err != nil {
		f.Fatal(err)
	}
	oracle, err := cbor.DecOptions{MaxNestedLevels: 2*maxDepth + 8}.DecMode()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		in := reflect.New(cp.in.typ)
		if _, err := s.decode(cp, &wireRequest{body: body}, in.Elem()); err != nil {
			return
		}
		if err := oracle.Wellformed(body); len(body) > 0 && err != nil {
			t.Fatalf("taken, but not well-formed: %v\n%x", err, body)
		}
		out := cp.in.appendCBORStruct(nil, in.Elem())
		again := reflect.New(cp.in.typ)
		if _, err := s.decode(cp, &wireRequest{body: out}, again.Elem()); err != nil {
			t.Fatalf("written out, it is refused: %v\n%x", err, out)
		}
		if !bytes.Equal(out, cp.in.appendCBORStruct(nil, again.Elem())) {
			t.Errorf("changed by a round trip: %s", diff(in.Interface(), again.Interface()))
		}
	})
}
