// Package qrcode draws QR codes: on a terminal, and as a picture to print.
package qrcode

import (
	"strings"

	"rsc.io/qr"
)

// Code is a QR code.
type Code struct{ code *qr.Code }

// New returns the code of a text: at the medium level of error correction, so
// that a fold in the paper does not matter. The error is that the text is too
// long.
func New(text string) (Code, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return Code{}, err
	}
	return Code{code}, nil
}

// quiet is the width of the white frame, in modules. The standard wants four;
// on a terminal two are read as well, and leave more of a narrow one.
const quiet = 2

// Terminal draws the code with half blocks, two rows of modules to a line. In
// colour it is black on white whatever the colours of the terminal are; without,
// it is right where the writing is brighter than its background.
func (c Code) Terminal(colour bool) string {
	var b strings.Builder
	for y := -quiet; y < c.code.Size+quiet; y += 2 {
		if colour {
			b.WriteString("\x1b[38;5;16;48;5;231m")
		}
		for x := -quiet; x < c.code.Size+quiet; x++ {
			// Below the last row there is no frame to draw.
			upper, lower := c.code.Black(x, y), c.code.Black(x, y+1) || y+1 == c.code.Size+quiet && !colour
			b.WriteString(block(upper == colour, lower == colour))
		}
		if colour {
			b.WriteString("\x1b[0m")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Width is how many columns Terminal takes.
func (c Code) Width() int { return c.code.Size + 2*quiet }

func block(upper, lower bool) string {
	switch {
	case upper && lower:
		return "█"
	case upper:
		return "▀"
	case lower:
		return "▄"
	default:
		return " "
	}
}

// PNG is a black and white picture with the frame of the standard, a module
// being as many pixels wide.
func (c Code) PNG(pixels int) []byte {
	scaled := *c.code
	scaled.Scale = pixels
	return scaled.PNG()
}
