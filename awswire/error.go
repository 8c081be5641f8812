package awswire

import "fmt"

// Error is an error of a service that its model does not declare, or that a handler wants to word itself. Errors that
// the model declares are better returned as the SDK's typed errors (&types.ResourceNotFoundException{Message: …}).
type Error struct {
	Code    string         // on the wire: "ValidationException", "InvalidClientTokenId"
	Message string         // AWS's sentence
	Status  int            // HTTP status; 0 means 400
	Fields  map[string]any // further members of the error body, such as Type: "User"
}

// Error makes *Error an error; the text is that of an SDK's error.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Code, e.Message) }

// ErrorCode returns the code, as the SDK's smithy.APIError has it, so that in-process callers can treat an *Error like
// any error of the SDK.
func (e *Error) ErrorCode() string { return e.Code }

// ErrorMessage returns the message, as the SDK's smithy.APIError has it.
func (e *Error) ErrorMessage() string { return e.Message }

// Errorf returns an *Error with status 400.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Status: 400}
}
