package diff

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
)

func (c *comparing) variables() Section {
	values := func(h *half) things { return texts(h.stage.Variables) }
	return c.section(SectionVariables, "stage variables", values(c.left), values(c.right))
}

// texts makes a thing of each value.
func texts(values map[string]string) things {
	out := things{}
	for name, value := range values {
		out[name] = fields{"": value}
	}
	return out
}

func (c *comparing) stage() Section {
	settings := func(h *half) things {
		s := h.stage
		values := map[string]string{"cache cluster": "off", "X-Ray tracing": onOff(s.TracingEnabled)}
		if s.CacheClusterEnabled {
			values["cache cluster"] = string(s.CacheClusterSize) + " GB"
		}
		for name, value := range map[string]*string{
			"client certificate": s.ClientCertificateId, "web ACL": s.WebAclArn, "documentation version": s.DocumentationVersion,
		} {
			if text(value) != "" {
				values[name] = *value
			}
		}
		return texts(values)
	}
	return c.section(SectionStage, "stage settings", settings(c.left), settings(c.right))
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// everyMethod is the key of the settings that hold for methods without their
// own.
const everyMethod = "*/*"

// methodSettings are a stage's settings by method in one way of writing: clients
// have "~1users~1{id}/GET", "users/{id}/GET" and "/users/{id}/GET" for the same.
func (h *half) methodSettings() map[string]rest.MethodSetting {
	out := map[string]rest.MethodSetting{}
	for key, setting := range h.stage.MethodSettings {
		key = strings.ReplaceAll(strings.ReplaceAll(key, "~1", "/"), "~0", "~")
		at := strings.LastIndexByte(key, '/')
		if at < 0 || key == everyMethod {
			out[key] = setting
			continue
		}
		out[key[at+1:]+" /"+strings.Trim(key[:at], "/")] = setting
	}
	return out
}

// settingOf is what holds for a method: its own settings or those for all.
func settingOf(settings map[string]rest.MethodSetting, method string) *rest.MethodSetting {
	for _, key := range []string{method, everyMethod} {
		if s, ok := settings[key]; ok {
			return &s
		}
	}
	return nil
}

// effective compares what holds for all methods and for those that have settings
// of their own on either side.
func (c *comparing) effective(name, title string, describe func(*rest.MethodSetting) fields, left, right things) Section {
	l, r := c.left.methodSettings(), c.right.methodSettings()
	keys := map[string]bool{everyMethod: true}
	for key := range l {
		keys[key] = true
	}
	for key := range r {
		keys[key] = true
	}
	for key := range keys {
		item := key
		if key == everyMethod {
			item = "all methods"
		}
		left[item], right[item] = describe(settingOf(l, key)), describe(settingOf(r, key))
	}
	return c.section(name, title, left, right)
}

func (c *comparing) logging() Section {
	access := func(h *half) things {
		out := things{}
		if a := h.stage.AccessLogSettings; a != nil {
			out["access log"] = fields{"destination": strings.TrimSuffix(text(a.DestinationArn), ":*"), "format": text(a.Format)}
		}
		return out
	}
	return c.effective(SectionLogging, "logging", func(s *rest.MethodSetting) fields {
		if s == nil {
			s = &rest.MethodSetting{}
		}
		level := text(s.LoggingLevel)
		if level == "" {
			level = "OFF"
		}
		return fields{"log level": level, "data trace": onOff(s.DataTraceEnabled), "metrics": onOff(s.MetricsEnabled)}
	}, access(c.left), access(c.right))
}

// The account's own limits, which AWS writes into settings that were made for
// another reason (quotas of API Gateway: 10,000 requests a second, bursts of
// 5,000; aws CLI reference, update-stage, shows them in its example).
const (
	accountRate, accountBurst = 10000, 5000
	accountLimit              = "the account's"
)

func (c *comparing) throttling() Section {
	return c.effective(SectionThrottling, "throttling", func(s *rest.MethodSetting) fields {
		rate, burst := accountLimit, accountLimit
		if s != nil && s.ThrottlingRateLimit >= 0 && s.ThrottlingRateLimit != accountRate {
			rate = strconv.FormatFloat(s.ThrottlingRateLimit, 'f', -1, 64) + "/s"
		}
		if s != nil && s.ThrottlingBurstLimit >= 0 && s.ThrottlingBurstLimit != accountBurst {
			burst = strconv.Itoa(int(s.ThrottlingBurstLimit))
		}
		return fields{"rate": rate, "burst": burst}
	}, things{}, things{})
}

func (c *comparing) caching() Section {
	return c.effective(SectionCaching, "caching", func(s *rest.MethodSetting) fields {
		if s == nil || !s.CachingEnabled {
			return fields{"caching": "off"}
		}
		f := fields{
			"caching": "on", "time to live": strconv.Itoa(int(s.CacheTtlInSeconds)) + " s", "encrypted": onOff(s.CacheDataEncrypted),
			"invalidation needs authorization": onOff(s.RequireAuthorizationForCacheControl),
		}
		f.flatten("unauthorized invalidation", string(s.UnauthorizedCacheControlHeaderStrategy))
		return f
	}, things{}, things{})
}

// canary: of a canary's deployment there is no export, on AWS neither, so that
// its methods are compared by the list of the deployment.
func (c *comparing) canary() Section {
	settings := func(h *half) things {
		canary := h.stage.CanarySettings
		if canary == nil {
			return nil
		}
		f := fields{"share": strconv.FormatFloat(canary.PercentTraffic, 'f', -1, 64) + " %", "uses the stage's cache": onOff(canary.UseStageCache)}
		for name, value := range canary.StageVariableOverrides {
			f["variable "+name] = value
		}
		f["runs"] = "another deployment than the stage"
		if text(canary.DeploymentId) == text(h.stage.DeploymentId) {
			f["runs"] = "the stage's deployment"
		}
		for path, verbs := range h.Picture.API.Deployments[text(canary.DeploymentId)].ApiSummary {
			for _, verb := range slices.Sorted(maps.Keys(verbs)) {
				f["method "+verb+" "+path] = text(verbs[verb].AuthorizationType)
			}
		}
		return things{"canary": f}
	}
	return c.section(SectionCanary, "canary", settings(c.left), settings(c.right))
}
