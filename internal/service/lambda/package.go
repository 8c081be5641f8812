package lambda

import (
	"errors"

	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/codezip"
)

// checkPackage refuses a zip that Lambda would refuse at upload, in its words;
// operation is the one that brings it.
func checkPackage(operation string, zip []byte) error {
	if len(zip) == 0 { // dumrauf/serverless_static_website_with_basic_auth#17
		return invalid("Uploaded file must be a non-empty zip")
	}
	_, err := codezip.Validate(zip)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, codezip.ErrEmpty):
		return invalid("Uploaded file must be a non-empty zip")
	case errors.Is(err, codezip.ErrUnzippedTooLarge): // AWS recording test_oversized_unzipped_lambda
		return invalid("Unzipped size must be smaller than 262144000 bytes")
	case errors.Is(err, codezip.ErrTooLarge):
		// AWS measures the request, 70167211 bytes of JSON for 50 MiB of zip
		// (AWS recording test_oversized_request_create_lambda).
		return &awswire.Error{Code: "RequestEntityTooLargeException", Status: 413, Message: "Request must be smaller than 70167211 bytes for the " + operation + " operation"}
	default: // AWS recording test_create_lambda_exceptions
		return invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
	}
}
