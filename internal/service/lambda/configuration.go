package lambda

import (
	"errors"
	"maps"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// timeFormat is how Lambda writes times into strings.
const timeFormat = "2006-01-02T15:04:05.000-0700"

// function returns the record of t's function, to be read only.
func (s *Service) function(t target) (*state.Function, uint64, error) {
	fn, revision, err := store.Get[state.Function](s.store, t.key())
	if errors.Is(err, store.ErrNotFound) {
		err = functionNotFound(t)
	}
	return fn, revision, err
}

// version returns a published version of fn, nil if there is none: also when
// the record belongs to a function of this name that was deleted since.
func (s *Service) version(t target, fn *state.Function, version string) (*state.FunctionVersion, error) {
	v, _, err := store.Get[state.FunctionVersion](s.store, t.versionKey(version))
	if errors.Is(err, store.ErrNotFound) || err == nil && v.FunctionID != fn.ID {
		return nil, nil
	}
	return v, err
}

// config returns the configuration that t's qualifier means: $LATEST's, a
// version's, or that of the version to which an alias points.
func (s *Service) config(t target, fn *state.Function) (*state.FunctionConfig, error) {
	number := t.qualifier
	switch {
	case number == "" || number == latest:
		return &fn.Latest, nil
	case t.isAlias():
		alias := fn.Aliases[t.qualifier]
		if alias == nil {
			return nil, functionNotFound(t)
		}
		if number = alias.FunctionVersion; number == latest {
			return &fn.Latest, nil
		}
	}
	v, err := s.version(t, fn, number)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, functionNotFound(t)
	}
	return &v.Config, nil
}

// settling returns what the API still shows of the last change, nil when that
// is over.
func (s *Service) settling(c *state.FunctionConfig) *state.Settling {
	if c.Settling == nil || !s.now().Before(c.Settling.Until) {
		return nil
	}
	return c.Settling
}

// startSettling marks a change of c that is being written, and gives c the
// revision that it has afterwards.
func (s *Service) startSettling(c *state.FunctionConfig, creating bool) {
	now := s.now().UTC()
	c.LastModified = now
	c.RevisionID = s.newID()
	wait := s.updateTime
	if creating {
		wait = s.pendingTime
	}
	c.Settling = &state.Settling{Until: now.Add(wait), Creating: creating, RevisionID: s.newID()}
}

// revision is the RevisionId that the API shows at the moment: AWS recording
// test_function_revisions_version_and_alias: it changes when a creation or an
// update is done.
func (s *Service) revision(c *state.FunctionConfig) string {
	return revisionDuring(c, s.settling(c))
}

func revisionDuring(c *state.FunctionConfig, settling *state.Settling) string {
	if settling != nil {
		return settling.RevisionID
	}
	return c.RevisionID
}

// settled refuses a change while another is going on.
func (s *Service) settled(t target, c *state.FunctionConfig) error {
	settling := s.settling(c)
	switch {
	case settling == nil:
		return nil
	case settling.Creating:
		// LDG functions-states; remotion-dev/remotion#1186 quotes the sentence.
		return conflict("The operation cannot be performed at this time. The function is currently in the following state: Pending")
	default: // AWS recording test_lambda_concurrent_code_updates
		return conflict(msgBusy, t.unqualified())
	}
}

// describe writes a configuration as GetFunctionConfiguration answers it; t
// gives the ARN, with or without qualifier.
func (s *Service) describe(t target, c *state.FunctionConfig) *types.FunctionConfiguration {
	return describeDuring(t, c, s.settling(c))
}

// describeStarted writes a configuration as the call answers it that has just
// changed it, however soon the change is done.
func describeStarted(t target, c *state.FunctionConfig) *types.FunctionConfiguration {
	return describeDuring(t, c, c.Settling)
}

func describeDuring(t target, c *state.FunctionConfig, settling *state.Settling) *types.FunctionConfiguration {
	out := summary(t, c, revisionDuring(c, settling))
	out.RuntimeVersionConfig = &types.RuntimeVersionConfig{RuntimeVersionArn: new(runtimeVersionARN(t.region, c.Runtime))}
	out.State = types.State(c.State)
	out.StateReason, out.StateReasonCode = optional(c.StateReason), types.StateReasonCode(c.StateReasonCode)
	out.LastUpdateStatus = types.LastUpdateStatus(c.LastUpdateStatus)
	out.LastUpdateStatusReason = optional(c.LastUpdateStatusReason)
	if settling == nil {
		return out
	}
	// AWS recordings test_function_lifecycle, test_publish_with_update: a
	// creation has no LastUpdateStatus yet, and the reason of an update is
	// worded like a creation's.
	const reason = "The function is being created."
	if settling.Creating {
		out.State, out.StateReason, out.StateReasonCode = types.StatePending, new(reason), types.StateReasonCodeCreating
		out.LastUpdateStatus, out.LastUpdateStatusReason = "", nil
	} else {
		out.LastUpdateStatus, out.LastUpdateStatusReason = types.LastUpdateStatusInProgress, new(reason)
		out.LastUpdateStatusReasonCode = types.LastUpdateStatusReasonCode("Creating")
	}
	return out
}

// summary is a configuration as the List operations answer it: without states
// and without the runtime's version (AWS recordings test_list_functions,
// test_version_lifecycle).
func summary(t target, c *state.FunctionConfig, revision string) *types.FunctionConfiguration {
	out := &types.FunctionConfiguration{
		CodeSha256:       new(c.CodeSHA256),
		CodeSize:         c.CodeSize,
		Description:      new(c.Description),
		EphemeralStorage: &types.EphemeralStorage{Size: new(c.EphemeralStorageMB)},
		FunctionArn:      new(t.arn()),
		FunctionName:     new(t.name),
		Handler:          optional(c.Handler),
		KMSKeyArn:        optional(c.KMSKeyARN),
		LastModified:     new(c.LastModified.UTC().Format(timeFormat)),
		LoggingConfig: &types.LoggingConfig{
			LogFormat: types.LogFormat(c.LogFormat), LogGroup: new(c.LogGroup),
			ApplicationLogLevel: types.ApplicationLogLevel(c.ApplicationLogLevel), SystemLogLevel: types.SystemLogLevel(c.SystemLogLevel),
		},
		MemorySize:    new(c.MemoryMB),
		PackageType:   types.PackageType(c.PackageType),
		RevisionId:    new(revision),
		Role:          new(c.Role),
		Runtime:       types.Runtime(c.Runtime),
		SnapStart:     &types.SnapStartResponse{ApplyOn: types.SnapStartApplyOn(c.SnapStart), OptimizationStatus: types.SnapStartOptimizationStatusOff},
		Timeout:       new(c.TimeoutSeconds),
		TracingConfig: &types.TracingConfigResponse{Mode: types.TracingMode(c.TracingMode)},
		Version:       new(c.Version),
	}
	for _, architecture := range c.Architectures {
		out.Architectures = append(out.Architectures, types.Architecture(architecture))
	}
	if c.Environment != nil {
		out.Environment = &types.EnvironmentResponse{Variables: maps.Clone(c.Environment)}
	}
	if c.DeadLetterTargetARN != "" {
		out.DeadLetterConfig = &types.DeadLetterConfig{TargetArn: new(c.DeadLetterTargetARN)}
	}
	if c.Version != latest && c.SnapStart == string(types.SnapStartApplyOnPublishedVersions) {
		out.SnapStart.OptimizationStatus = types.SnapStartOptimizationStatusOn // LDG API reference, SnapStartResponse
	}
	return out
}

// output turns a configuration into the output of an operation that answers
// one: the SDK gives each of them a type of its own with the same fields.
func output[T any](c *types.FunctionConfiguration) *T {
	out := new(T)
	from, to := reflect.ValueOf(c).Elem(), reflect.ValueOf(out).Elem()
	for i := range from.NumField() {
		field := from.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		if v := to.FieldByName(field.Name); v.IsValid() {
			v.Set(from.Field(i))
		}
	}
	return out
}

// optional is nil for "": AWS leaves such members out.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
