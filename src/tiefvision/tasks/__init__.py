"""Ring 5: the verbs. Each is one public function with plain arguments and a dataclass back."""
