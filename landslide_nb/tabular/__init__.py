"""Statistics of patches and what trees and SVMs make of them."""
