"""Hand-over types of the stages and the domain objects that people see; frozen, without behaviour of their own."""
