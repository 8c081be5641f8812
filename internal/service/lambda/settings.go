package lambda

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/state"
)

// Limits of a function's configuration (LDG gettingstarted-limits).
const (
	maxTimeoutSeconds   = 900
	maxMemoryMB         = 10240
	maxEnvironmentBytes = 4096
	defaultTimeout      = 3   // seconds
	defaultMemoryMB     = 128 //
	defaultEphemeralMB  = 512
)

// reservedVariables are set by Lambda itself and cannot be set in a function's
// configuration (LDG configuration-envvars, "Reserved environment variables").
var reservedVariables = []string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
	"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
	"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
	"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}

// settings are the members that CreateFunction and UpdateFunctionConfiguration
// share. nil, "" for enumerations: the request does not speak of it.
type settings struct {
	description, handler, role, kmsKeyARN *string
	runtime                               types.Runtime
	memoryMB, timeout                     *int32
	environment                           *types.Environment
	ephemeral                             *types.EphemeralStorage
	tracing                               *types.TracingConfig
	logging                               *types.LoggingConfig
	deadLetter                            *types.DeadLetterConfig
	snapStart                             *types.SnapStart
	vpc                                   *types.VpcConfig
	layers                                []string
	// what stagedoor does not do
	fileSystems                       bool
	image, durable, tenancy, capacity bool
}

func createSettings(in *lambda.CreateFunctionInput) *settings {
	return &settings{
		description: in.Description, handler: in.Handler, role: in.Role, kmsKeyARN: in.KMSKeyArn, runtime: in.Runtime,
		memoryMB: in.MemorySize, timeout: in.Timeout, environment: in.Environment, ephemeral: in.EphemeralStorage,
		tracing: in.TracingConfig, logging: in.LoggingConfig, deadLetter: in.DeadLetterConfig, snapStart: in.SnapStart,
		vpc: in.VpcConfig, layers: in.Layers, fileSystems: len(in.FileSystemConfigs) > 0,
		image: in.ImageConfig != nil, durable: in.DurableConfig != nil, tenancy: in.TenancyConfig != nil, capacity: in.CapacityProviderConfig != nil,
	}
}

func updateSettings(in *lambda.UpdateFunctionConfigurationInput) *settings {
	return &settings{
		description: in.Description, handler: in.Handler, role: in.Role, kmsKeyARN: in.KMSKeyArn, runtime: in.Runtime,
		memoryMB: in.MemorySize, timeout: in.Timeout, environment: in.Environment, ephemeral: in.EphemeralStorage,
		tracing: in.TracingConfig, logging: in.LoggingConfig, deadLetter: in.DeadLetterConfig, snapStart: in.SnapStart,
		vpc: in.VpcConfig, layers: in.Layers, fileSystems: len(in.FileSystemConfigs) > 0,
		image: in.ImageConfig != nil, durable: in.DurableConfig != nil, capacity: in.CapacityProviderConfig != nil,
	}
}

// check applies the rules that the service model does not have.
func (s *Service) check(in *settings, account string) error {
	if err := in.supported(); err != nil {
		return err
	}
	if in.runtime != "" {
		if err := checkRuntime(in.runtime); err != nil {
			return err
		}
	}
	if v := in.timeout; v != nil && *v > maxTimeoutSeconds {
		return validation(fmt.Sprint(*v), "timeout", fmt.Sprintf("Member must have value less than or equal to %d", maxTimeoutSeconds))
	}
	if v := in.memoryMB; v != nil && *v > maxMemoryMB {
		// alexcasalboni/aws-lambda-power-tuning#181, for accounts with a limit
		// of 3008.
		// unverified: whether the sentence is the same for the general limit.
		return invalid("'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to %d", maxMemoryMB)
	}
	if in.environment != nil {
		if err := checkEnvironment(in.environment.Variables); err != nil {
			return err
		}
	}
	if in.role != nil {
		return s.checkRole(account, *in.role)
	}
	return nil
}

// supported refuses what stagedoor cannot do, where accepting it would be a
// function that does not work as it was asked to.
func (in *settings) supported() error {
	switch {
	case in.vpc != nil && len(in.vpc.SubnetIds) > 0:
		// There is no EC2 here, so no subnet exists: AWS's own answer to an
		// unknown one (AWS recording test_invalid_vpc_config_subnet).
		return invalid("Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error Message: The subnet ID '%s' does not exist", in.vpc.SubnetIds[0])
	case in.vpc != nil && len(in.vpc.SecurityGroupIds) > 0:
		return invalid("Error occurred while DescribeSecurityGroups. EC2 Error Code: InvalidGroup.NotFound. EC2 Error Message: The security group '%s' does not exist", in.vpc.SecurityGroupIds[0])
	case len(in.layers) > 0:
		return unsupported("layers are not supported yet; put the files of %s into the function's own zip", in.layers[0])
	case in.fileSystems:
		return unsupported("file system configurations are not supported; functions have /tmp only")
	case in.image:
		return unsupported("container images are not supported yet; deploy a zip with --zip-file and without ImageConfig")
	case in.durable:
		return unsupported("durable functions are not supported yet; leave DurableConfig out")
	case in.tenancy:
		return unsupported("tenant isolation is not supported yet; leave TenancyConfig out")
	case in.capacity:
		return unsupported("capacity providers are not supported; leave CapacityProviderConfig out")
	}
	return nil
}

// checkEnvironment: AWS recordings test_large_environment_variables_fails and
// test_lambda_envvars_near_limit_succeeds: the limit is for the variables as
// one JSON object, 4096 bytes being allowed.
func checkEnvironment(variables map[string]string) error {
	var reserved []string
	for name := range variables {
		if slices.Contains(reservedVariables, name) {
			reserved = append(reserved, name)
		}
	}
	if len(reserved) > 0 {
		slices.Sort(reserved)
		// mattermost/mattermost-cloud-monitoring#264
		return invalid("Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s", strings.Join(reserved, ", "))
	}
	measured := string(compactJSON(variables))
	if len(variables) > 0 && len(measured) > maxEnvironmentBytes {
		return invalid("Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: %s", measured)
	}
	return nil
}

func (s *Service) checkRole(account, role string) error {
	if s.roles == nil {
		return nil
	}
	if parts := strings.SplitN(role, ":", 6); len(parts) == 6 && parts[4] != account {
		// artilleryio/chaos-lambda#29, fabric8io/kubernetes-alexa#6
		return &awswire.Error{Code: "AccessDeniedException", Status: 403, Message: "Cross-account pass role is not allowed."}
	}
	if !s.roles.LambdaCanAssume(account, role) { // danilop/LambdAuth#49
		return invalid("The role defined for the function cannot be assumed by Lambda.")
	}
	return nil
}

// apply writes the settings into c, after check. What a request leaves out
// stays as it is.
func (in *settings) apply(c *state.FunctionConfig) error {
	set(&c.Description, in.description)
	set(&c.Handler, in.handler)
	set(&c.Role, in.role)
	set(&c.KMSKeyARN, in.kmsKeyARN)
	set(&c.MemoryMB, in.memoryMB)
	set(&c.TimeoutSeconds, in.timeout)
	if in.runtime != "" {
		c.Runtime = string(in.runtime)
	}
	if in.environment != nil {
		c.Environment = maps.Clone(in.environment.Variables)
		if c.Environment == nil {
			c.Environment = map[string]string{}
		}
	}
	if in.ephemeral != nil {
		set(&c.EphemeralStorageMB, in.ephemeral.Size)
	}
	if in.tracing != nil && in.tracing.Mode != "" {
		c.TracingMode = string(in.tracing.Mode)
	}
	if in.deadLetter != nil {
		c.DeadLetterTargetARN = deref(in.deadLetter.TargetArn)
	}
	if in.snapStart != nil && in.snapStart.ApplyOn != "" { // AWS takes it for every runtime (localstack/localstack#12006)
		c.SnapStart = string(in.snapStart.ApplyOn)
	}
	return in.applyLogging(c)
}

// applyLogging: AWS recordings TestLoggingConfig: JSON brings both levels with
// INFO, Text takes them away, what is not given stays.
func (in *settings) applyLogging(c *state.FunctionConfig) error {
	l := in.logging
	if l == nil {
		return nil
	}
	set(&c.LogGroup, l.LogGroup)
	if l.LogFormat != "" {
		c.LogFormat = string(l.LogFormat)
	}
	if c.LogFormat != string(types.LogFormatJson) {
		if l.ApplicationLogLevel != "" || l.SystemLogLevel != "" {
			// unverified: the sentence. LDG monitoring-cloudwatchlogs-log-level:
			// levels need the JSON format.
			return invalid("Log level filtering is only supported for functions with the JSON log format.")
		}
		c.ApplicationLogLevel, c.SystemLogLevel = "", ""
		return nil
	}
	c.ApplicationLogLevel = cmp.Or(string(l.ApplicationLogLevel), c.ApplicationLogLevel, string(types.ApplicationLogLevelInfo))
	c.SystemLogLevel = cmp.Or(string(l.SystemLogLevel), c.SystemLogLevel, string(types.SystemLogLevelInfo))
	return nil
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// compactJSON encodes v as AWS does: without white space, "<", ">" and "&" as
// they are, keys of maps sorted.
func compactJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // plain strings, maps and structs: nothing that can fail
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
