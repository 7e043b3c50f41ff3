// SPDX-License-Identifier: Apache-2.0
// Operations on many tensors at once, which saves a call (and on a GPU a kernel) for each.

enum Each {
  static let add = Op("aten::_foreach_add_", "Scalar"), copy = Op("aten::_foreach_copy_")
  static let norm = Op("aten::_foreach_norm", "Scalar")
}

extension Tensor {
  /// Adds a number to every tensor, in place.
  public static func addEach_(_ tensors: [Tensor], _ value: Double) { Each.add.run(tensors, value) }
  /// Copies each source into the tensor at its place, converting the element type.
  public static func copyEach_(_ tensors: [Tensor], from sources: [Tensor]) { Each.copy.run(tensors, sources) }
  /// The Euclidean norm of every tensor, as scalars.
  public static func normEach(_ tensors: [Tensor]) -> [Tensor] { Each.norm.many(tensors.count, tensors, 2) }
}
