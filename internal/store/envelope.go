package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/s2"
	"github.com/stagedoor/stagedoor/internal/state"
)

// An envelope is what one record is on the wire and on the disk:
//
//	offset 0  magic "sd"
//	       2  format version, envelopeVersion
//	       3  flags
//	       4  CRC-32C over the key, the flags and the payload, big endian
//	       8  payload: the record's JSON, S2-compressed when flagCompressed
//
// The checksum covers the key, so that a record cannot turn up under another
// name. JetStream has checksums of its own, but drops what fails them
// (Jepsen on NATS 2.12.1: flipped bits lose records silently, nats-server
// #7549); ours tells.
const (
	envelopeVersion = 1
	envelopeHeader  = 8

	flagCompressed = 1 << 0
	flagDeleted    = 1 << 1 // a tombstone: the key is free again

	// compressRecordFrom is the size in bytes of the JSON from which compressing
	// it pays: below, S2 saves less than a file-system block.
	compressRecordFrom = 16 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errNewerFormat reports an envelope of a later stagedoor.
var errNewerFormat = errors.New("written by a newer version of stagedoor")

// seal wraps payload, nil for a tombstone, compressing it from the given size
// on.
func seal(key state.Key, payload []byte, compressFrom int) []byte {
	var flags byte
	if payload == nil {
		flags |= flagDeleted
	}
	if len(payload) >= compressFrom {
		payload = s2.Encode(nil, payload)
		flags |= flagCompressed
	}
	out := make([]byte, envelopeHeader+len(payload))
	out[0], out[1], out[2], out[3] = 's', 'd', envelopeVersion, flags
	copy(out[envelopeHeader:], payload)
	binary.BigEndian.PutUint32(out[4:], checksum(key, out))
	return out
}

// unseal verifies data and returns its payload, still compressed if
// compressed is set. It does not copy.
func unseal(key state.Key, data []byte) (payload []byte, compressed, deleted bool, err error) {
	if len(data) < envelopeHeader || data[0] != 's' || data[1] != 'd' {
		return nil, false, false, fmt.Errorf("no envelope in %d bytes", len(data))
	}
	if data[2] > envelopeVersion {
		return nil, false, false, fmt.Errorf("%w (record format %d, this version reads up to %d)", errNewerFormat, data[2], envelopeVersion)
	}
	if got, want := checksum(key, data), binary.BigEndian.Uint32(data[4:]); got != want {
		return nil, false, false, fmt.Errorf("checksum %08x, want %08x", got, want)
	}
	flags := data[3]
	return data[envelopeHeader:], flags&flagCompressed != 0, flags&flagDeleted != 0, nil
}

func inflate(payload []byte, compressed bool) ([]byte, error) {
	if !compressed {
		return payload, nil
	}
	return s2.Decode(nil, payload)
}

func checksum(key state.Key, envelope []byte) uint32 {
	sum := crc32.Update(0, castagnoli, []byte(key))
	sum = crc32.Update(sum, castagnoli, envelope[2:4])
	return crc32.Update(sum, castagnoli, envelope[envelopeHeader:])
}
