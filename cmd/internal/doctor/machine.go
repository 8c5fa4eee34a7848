package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Below spaceLow somebody should make room; below spaceGone a check and its
// answers may not fit any more. In bytes.
const (
	spaceLow  = 500 << 20
	spaceGone = 50 << 20
)

// disk is whether the data folder can be written to, and for how long. It looks
// and does not write.
func (d *Doctor) disk(context.Context) []Finding {
	const name = "disk"
	var fs unix.Statfs_t
	if err := unix.Statfs(d.o.Data, &fs); err != nil {
		return []Finding{bad(name, "doctor.disk_gone", values{"Path": d.o.Data, "Detail": err.Error()})}
	}
	free := int64(fs.Bavail) * int64(fs.Bsize)
	data := values{"Path": d.o.Data, "Number": free >> 20}
	switch {
	case unix.Access(d.o.Data, unix.W_OK) != nil: // a read-only disk, too, whoever asks
		return []Finding{bad(name, "doctor.disk_readonly", data)}
	case free < spaceGone || fs.Files > 0 && fs.Ffree == 0:
		return []Finding{bad(name, "doctor.disk_full", data)}
	case free < spaceLow:
		return []Finding{advice(name, "doctor.disk_low", data)}
	}
	return []Finding{good(name, "doctor.disk", data)}
}

// slowest is how long a disk may take to keep something for good. Memory cards
// that wear out get slower and slower.
const slowest = time.Second

// diskSpeed is how long the disk takes to keep something for good.
func (d *Doctor) diskSpeed(context.Context) []Finding {
	const name = "disk-speed"
	if !d.o.Write {
		return nil
	}
	took, err := tryDisk(d.o.Data)
	switch {
	case err != nil:
		return []Finding{bad(name, "doctor.disk_fails", values{"Path": d.o.Data, "Detail": err.Error()})}
	case took > slowest:
		return []Finding{advice(name, "doctor.disk_slow", values{"Span": took.Round(time.Second)})}
	}
	return []Finding{good(name, "doctor.disk_speed", values{"Number": max(took.Milliseconds(), 1)})}
}

// tryDisk writes a page to the folder and waits until the disk has it.
func tryDisk(folder string) (took time.Duration, err error) {
	f, err := os.CreateTemp(folder, ".doctor-*")
	if err != nil {
		return 0, reason(err)
	}
	defer func() { err = errors.Join(err, reason(f.Close()), reason(os.Remove(f.Name()))) }()
	began := time.Now()
	if _, err := f.Write(make([]byte, 4096)); err != nil {
		return 0, reason(err)
	}
	err = reason(f.Sync())
	return time.Since(began), err
}

// reason is what is wrong with a file, without its path, which changes.
func reason(err error) error {
	if path := new(os.PathError); errors.As(err, &path) {
		return path.Err
	}
	return err
}

// ledger is whether all of it can be read.
func (d *Doctor) ledger(ctx context.Context) []Finding {
	const name = "ledger"
	if d.o.Broken != nil {
		return []Finding{{Name: name, Grade: Bad, words: explained(d.o.Broken)}}
	}
	if d.o.Memory != nil {
		if why := d.o.Memory(); why != nil {
			f := bad(name, "memory.serve_on", values{"Reason": why})
			f.sure = true
			return []Finding{f}
		}
	}
	if d.o.Integrity == nil {
		return nil
	}
	err := d.o.Integrity(ctx)
	switch {
	case ctx.Err() != nil:
		return []Finding{unknown(name, "doctor.no_end", nil)}
	case err != nil:
		return []Finding{bad(name, "doctor.ledger_broken", values{"Detail": err.Error()})}
	}
	return []Finding{good(name, "doctor.ledger", nil)}
}

// BackupDocument is the document in the ledger that tells of the last backup:
// when it was made, and whether its copy could be opened and read.
const BackupDocument = "backup"

// stale is how old the last backup may be.
const stale = 8 * 24 * time.Hour

// backup is whether there is one, tried and not too old.
func (d *Doctor) backup(ctx context.Context) []Finding {
	const name = "backup"
	if d.o.Store == nil {
		return nil
	}
	body, err := d.o.Store.Document(ctx, BackupDocument)
	var last struct {
		At       time.Time `json:"at"`
		Verified bool      `json:"verified"`
	}
	if err == nil && body != nil {
		err = json.Unmarshal(body, &last)
	}
	data := values{"When": last.At}
	switch {
	case err != nil:
		return []Finding{unknown(name, "doctor.no_ledger", nil)}
	case last.At.IsZero():
		return []Finding{advice(name, "doctor.no_backup", nil)}
	case !last.Verified:
		return []Finding{bad(name, "doctor.backup_untried", data)}
	case time.Since(last.At) > stale:
		return []Finding{advice(name, "doctor.backup_old", data)}
	}
	return []Finding{good(name, "doctor.backup", data)}
}

// raid is whether every array of disks is whole. One that ran without its second
// disk and told nobody has lost a family's data before.
func (d *Doctor) raid(context.Context) []Finding {
	text, err := os.ReadFile(filepath.Join(d.o.Proc, "mdstat"))
	if err != nil {
		return nil // a kernel without arrays
	}
	var all []Finding
	for _, a := range arrays(string(text)) {
		data := values{"Name": a.name}
		f := good("raid", "doctor.raid", data)
		switch {
		case !a.active:
			f = bad("raid", "doctor.raid_stopped", data)
		case a.rebuilding:
			f = advice("raid", "doctor.raid_rebuilds", data)
		case a.degraded:
			f = bad("raid", "doctor.raid_degraded", data)
		}
		f.About = a.name
		all = append(all, f)
	}
	return all
}

type array struct {
	name                         string
	active, degraded, rebuilding bool
}

var (
	arrayLine = regexp.MustCompile(`^(md\S*) : (\S+)`)
	// diskCount is how many disks an array wants and has: [2/1].
	diskCount = regexp.MustCompile(`\[(\d+)/(\d+)\]`)
)

// arrays reads what the kernel says of its arrays (md(4)).
func arrays(mdstat string) []array {
	var all []array
	for line := range strings.Lines(mdstat) {
		if m := arrayLine.FindStringSubmatch(line); m != nil {
			all = append(all, array{name: m[1], active: m[2] == "active", degraded: strings.Contains(line, "(F)")})
			continue
		}
		if len(all) == 0 {
			continue
		}
		a := &all[len(all)-1]
		if m := diskCount.FindStringSubmatch(line); m != nil && m[1] != m[2] {
			a.degraded = true
		}
		if strings.Contains(line, "recovery") || strings.Contains(line, "resync") || strings.Contains(line, "reshape") {
			a.rebuilding = true
		}
	}
	return all
}

// charge is what a battery should at least hold, in per cent.
const charge = 25

// power is whether the machine lives from its battery, and for how long.
func (d *Doctor) power(context.Context) []Finding {
	const name = "power"
	supplies, err := filepath.Glob(filepath.Join(d.o.Sys, "class", "power_supply", "*"))
	if err != nil {
		return nil
	}
	mains, plugged, discharging, left := false, false, false, -1
	for _, supply := range supplies {
		read := func(file string) string {
			text, err := os.ReadFile(filepath.Join(supply, file))
			if err != nil {
				return ""
			}
			return strings.TrimSpace(string(text))
		}
		if read("scope") == "Device" {
			continue // the battery of a mouse
		}
		switch kind := read("type"); {
		case kind == "Battery" || kind == "UPS":
			discharging = discharging || read("status") == "Discharging"
			if n, err := strconv.Atoi(read("capacity")); err == nil && (left < 0 || n < left) {
				left = n
			}
		case slices.Contains([]string{"Mains", "USB", "Wireless"}, kind):
			mains, plugged = true, plugged || read("online") == "1"
		}
	}
	onBattery := discharging || mains && !plugged && left >= 0
	data := values{"Number": left}
	switch {
	case !mains && left < 0 && !discharging:
		return nil // nothing is known, as of most machines without a battery
	case onBattery && left >= 0 && left < charge:
		return []Finding{bad(name, "doctor.battery_low", data)}
	case onBattery:
		return []Finding{advice(name, "doctor.battery", data)}
	}
	return []Finding{good(name, "doctor.power", nil)}
}
