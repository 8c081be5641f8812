package lambda

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// jsonFault describes the first fault of a payload as AWS's parser (Jackson)
// does. alexcasalboni/aws-lambda-power-tuning#148, penkow/llama-lambda#2 and
// awsdocs/aws-lambda-developer-guide#382 quote its sentences for a bare word,
// a stray character and bytes that are not UTF-8, the first mistakes that
// people make with the aws CLI.
//
// unverified: the other faults, and columns beyond the first line.
func jsonFault(payload []byte) string {
	const expected = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
	offset := faultOffset(payload)
	start := offset
	for start > 0 && wordByte(payload[start-1]) {
		start--
	}
	if offset == len(payload) && start > 0 { // inside of something, not a bare word
		start = offset
	}
	end := offset
	for end < len(payload) && wordByte(payload[end]) {
		end++
	}
	rest := payload[start:]
	switch c, size := utf8.DecodeRune(rest); {
	case len(rest) == 0:
		return "Unexpected end-of-input" + source(payload, offset+1)
	case c == utf8.RuneError && size <= 1:
		return fmt.Sprintf("Invalid UTF-8 start byte 0x%x", rest[0]) + source(payload, start+2)
	case end > start && !digit(payload[start]):
		return fmt.Sprintf("Unrecognized token '%s': was expecting %s", payload[start:end], expected) + source(payload, end+2)
	default:
		return fmt.Sprintf("Unexpected character ('%c' (code %d)): expected a valid value %s", c, c, expected) + source(payload, start+2)
	}
}

// source is the end of Jackson's sentences; column counts from 1.
func source(payload []byte, column int) string {
	line := 1 + strings.Count(string(payload[:min(max(column-1, 0), len(payload))]), "\n")
	return fmt.Sprintf("\n at [Source: (byte[])\"%s\"; line: %d, column: %d]", strings.ToValidUTF8(string(payload[:min(500, len(payload))]), "�"), line, column)
}

// faultOffset is where the payload stops being JSON.
func faultOffset(payload []byte) int {
	var syntax *json.SyntaxError
	if err := json.Unmarshal(payload, new(any)); errors.As(err, &syntax) {
		if strings.HasPrefix(syntax.Error(), "unexpected end") {
			return len(payload)
		}
		return min(max(int(syntax.Offset)-1, 0), len(payload))
	}
	for i := 0; i < len(payload); { // valid JSON, so not UTF-8
		c, size := utf8.DecodeRune(payload[i:])
		if c == utf8.RuneError && size <= 1 {
			return i
		}
		i += size
	}
	return len(payload)
}

func wordByte(c byte) bool {
	return c == '_' || c == '$' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || digit(c)
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
