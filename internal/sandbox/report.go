package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// streamName is a log stream's name as Lambda makes it: date, version, and 32
// hexadecimal digits.
func streamName(fn *Function) string {
	var id [16]byte
	for i := range id {
		id[i] = byte(rand.Uint32())
	}
	return time.Now().UTC().Format("2006/01/02/") + "[" + fn.Version + "]" + hex.EncodeToString(id[:])
}

const isoMillis = "2006-01-02T15:04:05.000Z"

// platform writes the lines that Lambda itself puts into a function's log.
type platform struct {
	fn *Function
}

func (p platform) line(at time.Time, text string) LogLine {
	return LogLine{Millis: at.UnixMilli(), Message: text + "\n"}
}

// event is a line in the JSON log format (LDG:telemetry-schema-reference).
func (p platform) event(at time.Time, typ string, record any) LogLine {
	b, _ := json.Marshal(struct { // plain values: cannot fail
		Time   string `json:"time"`
		Type   string `json:"type"`
		Record any    `json:"record"`
	}{at.UTC().Format(isoMillis), "platform." + typ, record})
	return p.line(at, string(b))
}

func (p platform) json() bool { return jsonLogs(p.fn) }

// quiet: the system log level hides what is not a warning.
func (p platform) quiet() bool { return p.json() && strings.EqualFold(p.fn.SystemLogLevel, "WARN") }

func (p platform) initStart(at time.Time) []LogLine {
	if p.quiet() {
		return nil
	}
	// "python:3.13.v60": AWS numbers its builds of a runtime; ours has no number.
	// unverified: the names of OS-only runtimes in this line.
	version := runtimeName(p.fn.Runtime) + ".v0"
	sum := sha256.Sum256([]byte(version))
	arn := "arn:aws:lambda:" + p.fn.Region + "::runtime:" + hex.EncodeToString(sum[:])
	if p.json() {
		return []LogLine{p.event(at, "initStart", map[string]any{
			"initializationType": "on-demand", "phase": "init", "runtimeVersion": version, "runtimeVersionArn": arn,
			"functionName": p.fn.Name, "functionVersion": p.fn.Version, "instanceMaxMemory": p.fn.MemoryMB << 20,
		})}
	}
	return []LogLine{p.line(at, "INIT_START Runtime Version: "+version+"\tRuntime Version ARN: "+arn)}
}

// runtimeName is "python:3.12", "nodejs:22", "provided:al2023".
func runtimeName(runtime string) string {
	for _, name := range []string{"nodejs", "python", "provided."} {
		if rest, ok := strings.CutPrefix(runtime, name); ok {
			return strings.TrimSuffix(name, ".") + ":" + strings.TrimSuffix(rest, ".x")
		}
	}
	return runtime
}

// initReport is written when an init phase failed; phase is "init" or, when the
// init was repeated within the invocation, "invoke".
func (p platform) initReport(at time.Time, took time.Duration, phase, status, errorType string) []LogLine {
	if p.json() {
		record := map[string]any{"initializationType": "on-demand", "phase": phase, "status": status,
			"metrics": map[string]any{"durationMs": millis(took)}}
		if errorType != "" {
			record["errorType"] = errorType
		}
		return []LogLine{p.event(at, "initReport", record)}
	}
	text := fmt.Sprintf("INIT_REPORT Init Duration: %.2f ms\tPhase: %s\tStatus: %s", millis(took), phase, status)
	if errorType != "" {
		text += "\tError Type: " + errorType
	}
	return []LogLine{p.line(at, text)}
}

func (p platform) start(at time.Time, id string) []LogLine {
	if p.quiet() {
		return nil
	}
	if p.json() {
		return []LogLine{p.event(at, "start", map[string]any{"requestId": id, "version": p.fn.Version})}
	}
	return []LogLine{p.line(at, "START RequestId: "+id+" Version: "+p.fn.Version)}
}

// ending is what the last lines of an invocation say.
type ending struct {
	id             string
	took, initTook time.Duration
	memoryMB       int
	status         string // "success", "error", "timeout"
	errorType      string // of a failure that the host saw, else ""
}

// end gives END and REPORT.
//
// unverified: whether REPORT has a Status when the handler itself failed; it has
// none here. Failures that ended the runtime, and timeouts, have one (seen in
// logs of 2025).
//
// Billed duration includes init since August 2025
// (seen in logs of that time: 3000.00 ms + 67.49 ms → 3068 ms).
func (p platform) end(at time.Time, e ending) []LogLine {
	billed := int64(math.Ceil(millis(e.took + e.initTook)))
	if p.json() {
		if p.quiet() && e.status == "success" {
			return nil
		}
		metrics := map[string]any{"durationMs": millis(e.took), "billedDurationMs": billed,
			"memorySizeMB": p.fn.MemoryMB, "maxMemoryUsedMB": e.memoryMB}
		if e.initTook > 0 {
			metrics["initDurationMs"] = millis(e.initTook)
		}
		record := map[string]any{"requestId": e.id, "metrics": metrics, "status": e.status}
		if e.errorType != "" {
			record["errorType"] = e.errorType
		}
		return []LogLine{p.event(at, "report", record)}
	}
	b := append(make([]byte, 0, 256), "REPORT RequestId: "...)
	b = append(append(b, e.id...), "\tDuration: "...)
	b = strconv.AppendFloat(b, millis(e.took), 'f', 2, 64)
	b = strconv.AppendInt(append(b, " ms\tBilled Duration: "...), billed, 10)
	b = strconv.AppendInt(append(b, " ms\tMemory Size: "...), int64(p.fn.MemoryMB), 10)
	b = strconv.AppendInt(append(b, " MB\tMax Memory Used: "...), int64(e.memoryMB), 10)
	b = append(b, " MB\t"...)
	if e.initTook > 0 {
		b = strconv.AppendFloat(append(b, "Init Duration: "...), millis(e.initTook), 'f', 2, 64)
		b = append(b, " ms\t"...)
	}
	switch {
	case e.status == "timeout":
		b = append(b, "Status: timeout"...)
	case e.errorType != "":
		b = append(append(b, "Status: error\tError Type: "...), e.errorType...)
	}
	b = append(b, '\n')
	return []LogLine{p.line(at, "END RequestId: "+e.id), {Millis: at.UnixMilli(), Message: string(b)}}
}

// failure is the line between the function's own and END when the host ended
// the invocation.
//
// unverified: that the timeout's line still precedes END: logs of 2018 to 2020
// have it after REPORT, one of September 2025 has none.
func (p platform) failure(at time.Time, id string, f *fault) []LogLine {
	if p.json() {
		return nil // the report event says it
	}
	if f.typ == typeTimeout {
		return []LogLine{p.line(at, at.UTC().Format(isoMillis)+" "+id+" "+f.text+"\n")}
	}
	return []LogLine{p.line(at, "RequestId: "+id+" Error: "+f.text+"\n"+f.typ)}
}

func millis(d time.Duration) float64 { return math.Round(float64(d)/1e4) / 100 }

// Error types that the host gives.
const (
	typeTimeout = "Sandbox.Timedout"
	typeExit    = "Runtime.ExitError"
)

// payload is the error object that the caller gets for a fault.
func (f *fault) payload(id string) []byte {
	b, _ := json.Marshal(struct { // strings: cannot fail
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{f.typ, "RequestId: " + id + " Error: " + f.text})
	return b
}

var knownType = regexp.MustCompile(`^(Runtime|Function)\.[A-Z][a-zA-Z]+$`)

// reportedType is a runtime's own error type as INIT_REPORT may show it
// (fatalerror.GetValidRuntimeOrFunctionErrorType of AWS's emulator).
func reportedType(t string) string {
	if knownType.MatchString(t) {
		return t
	}
	return "Runtime.Unknown"
}
