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
	// DeletionProtection is CreateLogGroup's deletionProtectionEnabled.
	DeletionProtection bool `json:"deletionProtection,omitempty"`
}

// LogStream is a stream of a log group that was created by name, or deleted.
// Streams that only appeared because something wrote to them have no record.
type LogStream struct {
	Account       string `json:"account"`
	Region        string `json:"region"`
	Group         string `json:"group"`
	Name          string `json:"name"`
	CreatedMillis int64  `json:"createdMillis"`
	// ClearedSeq is set by DeleteLogStream: events of this stream that lie in the
	// journal up to there do not belong to it any more. Deleted tells that there
	// is no stream of this name unless newer events made one.
	ClearedSeq uint64 `json:"clearedSeq,omitempty"`
	Deleted    bool   `json:"deleted,omitempty"`
}
