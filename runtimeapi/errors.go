package runtimeapi

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// apiError is an answer other than 2xx.
type apiError struct {
	status    int
	typ, text string
}

var (
	errInvalidRequestID = &apiError{400, "InvalidRequestID", "Invalid request ID"}
	errTooLarge         = &apiError{413, "RequestEntityTooLarge",
		"Exceeded maximum allowed payload size (" + strconv.Itoa(MaxPayload) + " bytes)."}
	errResponseMode = &apiError{400, "InvalidFunctionResponseMode", "Invalid function response mode"}
)

// forbidden is AWS's refusal of a request that the state does not allow
// (StateTransitionFailedForRuntimeMessageFormat of AWS's emulator).
func forbidden(from, to state) *apiError {
	return &apiError{403, "InvalidStateTransition", fmt.Sprintf(
		"State transition from %s to %s failed for runtime. Error: State transition is not allowed", from, to)}
}

func (e *apiError) body() []byte {
	b, _ := json.Marshal(struct { // strings only: cannot fail
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}{e.text, e.typ})
	return append(b, '\n')
}

// responseTooLarge is what the caller of the function gets instead of an answer
// over MaxPayload.
func responseTooLarge() Outcome {
	return Outcome{
		Payload: []byte(`{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (` +
			strconv.Itoa(MaxPayload) + ` bytes)."}`),
		ContentType: "application/json",
		Failed:      true,
		ErrorType:   "Function.ResponseSizeTooLarge",
	}
}

func statusText(code int) string {
	switch code {
	case 200:
		return "200 OK"
	case 202:
		return "202 Accepted"
	case 400:
		return "400 Bad Request"
	case 403:
		return "403 Forbidden"
	case 404:
		return "404 Not Found"
	case 405:
		return "405 Method Not Allowed"
	case 413:
		return "413 Request Entity Too Large"
	case 431:
		return "431 Request Header Fields Too Large"
	}
	return strconv.Itoa(code) + " Error"
}
