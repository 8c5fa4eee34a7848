//go:build !linux

package storetest

import "errors"

func (d *Disk) mount(again, readOnly bool) error { return errors.ErrUnsupported }

// Unmount takes it away, with all that is on it.
func (d *Disk) Unmount() error { return errors.ErrUnsupported }
