package linear_test

import (
	"context"
	"fmt"

	"everfold/survival/linear"
)

// The maximum of −(θ₀−1)² − 2(θ₁+3)²: an objective gives its value, gradient and information.
func ExampleMaximise() {
	s, err := linear.Maximise(context.Background(), linear.Problem{
		Start: []float64{0, 0},
		Objective: func(_ context.Context, theta, grad, info []float64) (float64, error) {
			a, b := theta[0]-1, theta[1]+3
			grad[0], grad[1] = -2*a, -4*b
			info[0], info[1], info[2], info[3] = 2, 0, 0, 4
			return -a*a - 2*b*b, nil
		},
	})
	fmt.Println(s.Theta, s.Converged, err)
	// Output:
	// [1 -3] true <nil>
}
