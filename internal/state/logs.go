package state

// Prefixes of the CloudWatch Logs records. Events are not records: package
// logs appends them to a log of their own.
const (
	LogGroups  Key = "logs.group"  // .account.region.name → LogGroup
	LogStreams Key = "logs.stream" // .account.region.group.name → LogStream
)

// LogGroupKey names a log group.
func LogGroupKey(account, region, name string) Key { return LogGroups.Child(account, region, name) }

// LogStreamKey names a log stream.
func LogStreamKey(account, region, group, name string) Key {
	return LogStreams.Child(account, region, group, name)
}

// LogGroup is one CloudWatch log group.
type LogGroup struct {
	Account       string            `json:"account"`
	Region        string            `json:"region"`
	Name          string            `json:"name"`
	CreatedMillis int64             `json:"createdMillis"` // Unix time, milliseconds
	RetentionDays int32             `json:"retentionDays,omitempty"`
	Class         string            `json:"class,omitempty"` // "STANDARD" when empty
	KMSKeyID      string            `json:"kmsKeyId,omitempty"`
	Tags          map[string]string `json:"tags,omitempty"`
}

// LogStream is one stream of a log group.
type LogStream struct {
	Account       string `json:"account"`
	Region        string `json:"region"`
	Group         string `json:"group"`
	Name          string `json:"name"`
	CreatedMillis int64  `json:"createdMillis"`
}
