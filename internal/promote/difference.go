package promote

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	types "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// differences lists the settings that two configurations have differently.
// Values of environment variables are secrets and are not told.
func differences(source, dest *types.FunctionConfiguration) []Difference {
	var out []Difference
	add := func(setting, s, t string, risky bool) {
		if s != t {
			out = append(out, Difference{Setting: setting, Source: s, Target: t, Risky: risky})
		}
	}
	add("runtime", string(source.Runtime), string(dest.Runtime), true)
	add("handler", aws.ToString(source.Handler), aws.ToString(dest.Handler), true)
	add("architecture", joined(source.Architectures), joined(dest.Architectures), true)
	add("layers", layers(source), layers(dest), true)
	add("memory", megabytes(source.MemorySize), megabytes(dest.MemorySize), false)
	add("timeout", secondsText(source.Timeout), secondsText(dest.Timeout), false)
	add("storage", storage(source), storage(dest), false)
	add("role", aws.ToString(source.Role), aws.ToString(dest.Role), false)
	add("tracing", tracing(source), tracing(dest), false)
	add("VPC", network(source), network(dest), false)
	return append(out, environment(source, dest)...)
}

// environment tells which variables are on one side only, and whose values
// differ.
func environment(source, dest *types.FunctionConfiguration) []Difference {
	s, t := variables(source), variables(dest)
	all := maps.Clone(s)
	maps.Copy(all, t)
	var out []Difference
	for _, name := range slices.Sorted(maps.Keys(all)) {
		was, here := s[name]
		is, there := t[name]
		switch {
		case here && !there:
			out = append(out, Difference{Setting: "environment variable " + name, Source: "set", Target: "", Risky: true})
		case there && !here:
			out = append(out, Difference{Setting: "environment variable " + name, Source: "", Target: "set"})
		case was != is:
			out = append(out, Difference{Setting: "environment variable " + name, Source: "another value", Target: "its own value"})
		}
	}
	return out
}

func variables(c *types.FunctionConfiguration) map[string]string {
	if c.Environment == nil || c.Environment.Variables == nil {
		return map[string]string{}
	}
	return c.Environment.Variables
}

func joined(architectures []types.Architecture) string {
	if len(architectures) == 0 {
		return string(types.ArchitectureX8664)
	}
	words := make([]string, len(architectures))
	for i, a := range architectures {
		words[i] = string(a)
	}
	return strings.Join(words, ", ")
}

func layers(c *types.FunctionConfiguration) string {
	names := make([]string, len(c.Layers))
	for i := range c.Layers {
		names[i] = aws.ToString(c.Layers[i].Arn)
	}
	return strings.Join(names, ", ")
}

func megabytes(n *int32) string { return strconv.Itoa(int(aws.ToInt32(n))) + " MB" }

func secondsText(n *int32) string { return strconv.Itoa(int(aws.ToInt32(n))) + " s" }

func storage(c *types.FunctionConfiguration) string {
	if c.EphemeralStorage == nil {
		return megabytes(aws.Int32(512))
	}
	return megabytes(c.EphemeralStorage.Size)
}

func tracing(c *types.FunctionConfiguration) string {
	if c.TracingConfig == nil {
		return string(types.TracingModePassThrough)
	}
	return string(c.TracingConfig.Mode)
}

func network(c *types.FunctionConfiguration) string {
	if c.VpcConfig == nil {
		return ""
	}
	return aws.ToString(c.VpcConfig.VpcId)
}
