package sandbox

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// reserved are the variables that a function's configuration cannot set
// (LDG:configuration-envvars, "Reserved environment variables"); AWS refuses
// them at CreateFunction, here they would only be overwritten.
var reserved = []string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
	"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
	"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
	"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}

// environ builds a function's environment: unreserved defaults, then the
// function's own variables, then the reserved ones, in AWS's order of
// precedence.
func (p *Process) environ(ctx context.Context, fn *Function, stream, api string, c *command) ([]string, error) {
	env := map[string]string{
		"LANG": "en_US.UTF-8",
		"TZ":   ":UTC",
		"PWD":  c.taskRoot,
		"PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:" + c.runtimeIn + ":" + c.runtimeIn + "/lib:" +
			c.taskRoot + ":" + c.taskRoot + "/lib:/opt/lib",
	}
	if c.tmpIn != "/tmp" {
		env["TMPDIR"] = c.tmpIn
	}
	if !isProvided(fn.Runtime) { // AWS recording test_lambda_init_environment
		env["SHLVL"] = "0"
	}
	switch {
	case strings.HasPrefix(fn.Runtime, "nodejs"):
		major := strings.TrimSuffix(strings.TrimPrefix(fn.Runtime, "nodejs"), ".x")
		env["NODE_PATH"] = "/opt/nodejs/node" + major + "/node_modules:/opt/nodejs/node_modules:" + c.runtimeIn + "/node_modules:" + c.runtimeIn + ":" + c.taskRoot
	case strings.HasPrefix(fn.Runtime, "python"):
		env["PYTHONPATH"] = c.runtimeIn
	}
	if p.o.Endpoint != nil {
		if url := p.o.Endpoint(); url != "" {
			env["AWS_ENDPOINT_URL"] = url // a function may set its own
		}
	}
	maps.Copy(env, c.env)
	for k, v := range fn.Env {
		if !slices.Contains(reserved, k) {
			env[k] = v
		}
	}
	maps.Copy(env, fixedVariables(fn, stream, api, c))
	creds, err := p.credentials(ctx, fn)
	if err != nil {
		return nil, fmt.Errorf("credentials of role %s: %w", fn.Role, err)
	}
	env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"] = creds.AccessKeyID, creds.SecretAccessKey
	if creds.SessionToken != "" {
		env["AWS_SESSION_TOKEN"] = creds.SessionToken
	}
	list := make([]string, 0, len(env))
	for k, v := range env {
		list = append(list, k+"="+v)
	}
	slices.Sort(list)
	return list, nil
}

func fixedVariables(fn *Function, stream, api string, c *command) map[string]string {
	env := map[string]string{
		"_HANDLER":                        fn.Handler,
		"AWS_REGION":                      fn.Region,
		"AWS_DEFAULT_REGION":              fn.Region,
		"AWS_LAMBDA_FUNCTION_NAME":        fn.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     fn.Version,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(fn.MemoryMB),
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":       fn.LogGroup,
		"AWS_LAMBDA_LOG_STREAM_NAME":      stream,
		"AWS_LAMBDA_RUNTIME_API":          api,
		"LAMBDA_TASK_ROOT":                c.taskRoot,
		"LAMBDA_RUNTIME_DIR":              c.runtimeIn,
		// No X-Ray daemon listens there, but its clients insist on an address.
		"AWS_XRAY_DAEMON_ADDRESS":  "127.0.0.1:2000",
		"_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
		"_AWS_XRAY_DAEMON_PORT":    "2000",
		"AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
	}
	if !isProvided(fn.Runtime) { // "not defined for some OS-only runtimes" (LDG)
		env["AWS_EXECUTION_ENV"] = "AWS_Lambda_" + fn.Runtime
	}
	if jsonLogs(fn) {
		env["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
		env["AWS_LAMBDA_LOG_LEVEL"] = cmpOr(fn.AppLogLevel, "INFO")
	}
	return env
}

func cmpOr(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

func (p *Process) credentials(ctx context.Context, fn *Function) (Credentials, error) {
	if p.o.Credentials != nil {
		return p.o.Credentials(ctx, fn)
	}
	return Credentials{AccessKeyID: fn.Account, SecretAccessKey: "test"}, nil
}

func isProvided(runtime string) bool {
	return strings.HasPrefix(runtime, "provided") || runtime == "go1.x"
}

func jsonLogs(fn *Function) bool { return strings.EqualFold(fn.LogFormat, "JSON") }
