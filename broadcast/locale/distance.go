package locale

// Distance is how many letters must be changed, added or left out to turn one
// word into the other: what a mistyped word may have meant is near to it.
func Distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i := range from {
		above := row[0]
		row[0] = i + 1
		for j := range to {
			change := above
			if from[i] != to[j] {
				change++
			}
			above = row[j+1]
			row[j+1] = min(change, above+1, row[j]+1)
		}
	}
	return row[len(to)]
}
