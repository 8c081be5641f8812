package awswire

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// What a small request can make us say and hold is bounded: a list of empty
// structures costs a byte an element on the wire, and a sentence for each of
// their missing members here.
func TestAmplification(t *testing.T) {
	clients := sdkClients(nil)
	put := method(t, clients["logs"], "PutLogEvents")
	for name, c := range map[string]struct {
		elements int
		code     string
		most     int // bytes of the message
	}{
		"many violations": {maxElements, "InvalidParameterException", 200 * maxViolations},
		"many elements":   {maxElements + 1, "SerializationException", 0},
	} {
		t.Run(name, func(t *testing.T) {
			body := `{"logGroupName":"g","logStreamName":"s","logEvents":[` + strings.TrimSuffix(strings.Repeat("{},", c.elements), ",") + `]}`
			err := decodeText(t, Load("logs"), "PutLogEvents", put, "", body)
			var own *Error
			if !errors.As(err, &own) || own.Code != c.code || len(own.Message) > c.most {
				t.Fatalf("%.200s", err)
			}
		})
	}
	t.Run("CBOR", func(t *testing.T) {
		var body bytes.Buffer
		body.WriteString("\xa1\x6aMetricData\x9f")
		body.Write(bytes.Repeat([]byte{0xa0}, maxElements+1))
		body.WriteString("\xff")
		answer := callCBOR(cloudwatchServer(), "PutMetricData", body.Bytes())
		if text := answer.Body.String(); answer.Code != 400 || !strings.Contains(text, "SerializationException") || len(text) > 1000 {
			t.Fatalf("%d %.200q", answer.Code, text)
		}
	})
}
