package awswire

// Service is one AWS service, compiled lazily from its trimmed model.
type Service struct{ name string }

// Load returns the service with the given model name: "lambda", "apigateway", "apigatewayv2", "logs", "iam", "sts". It
// panics for any other name. unions are pointers to the member types of the SDK's union interfaces
// (&types.ResourceConfigMemberX{}), which reflection cannot find.
func Load(name string, unions ...any) *Service { return &Service{name: name} }

// Names lists the services that have a model.
func Names() []string { return []string{"apigateway", "apigatewayv2", "iam", "lambda", "logs", "sts"} }

// Validate checks a typed input (pointer to the SDK's input struct) against the model. The error is the *[Error] that a
// client would get: all violations in AWS's sentences.
func (s *Service) Validate(operation string, in any) error { return nil }
