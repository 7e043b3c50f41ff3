// SPDX-License-Identifier: Apache-2.0
import Torch

/// Memory of gradients in a few flat tensors, each summed over processes at once.
///
/// Parameters are laid out from the last to the first, which is about the order in which backward completes them. Behind
/// a bucket's gradients stands, for each of them, in how many processes there is one.
struct GradientBuckets {
  /// Where a parameter's gradient is.
  struct Slot {
    var bucket: Int
    /// Of the parameter's shape; float32 where that has fewer bits.
    var gradient: Tensor
    /// Which of its bucket's marks is its own.
    var mark: Int
  }

  struct Bucket {
    var flat: Tensor
    /// Places of its parameters.
    var parameters: [Int]
    /// The end of `flat`.
    var marks: Tensor
  }

  let buckets: [Bucket]
  /// By parameter.
  let slots: [Slot]

  /// Elements of a float32 gradient begin at multiples of so many: a cache line.
  private static let alignment = 16

  init(_ parameters: [Tensor], bytes: Int) {
    var groups = [(dtype: DType, parameters: [Int], starts: [Int], count: Int)]()
    for index in parameters.indices.reversed() {
      let parameter = parameters[index], dtype: DType = parameter.dtype.size < 4 ? .float32 : parameter.dtype
      let count = (parameter.count + Self.alignment - 1) / Self.alignment * Self.alignment
      let fits = groups.last.map { $0.dtype == dtype && ($0.count + count) * dtype.size <= bytes } ?? false
      if !fits { groups.append((dtype, [], [], 0)) }
      let last = groups.count - 1
      groups[last].parameters.append(index)
      groups[last].starts.append(groups[last].count)
      groups[last].count += count
    }
    var slots = [Slot?](repeating: nil, count: parameters.count)
    buckets = groups.enumerated().map { number, group in
      let members = group.parameters, flat = Tensor.zeros([group.count + members.count], dtype: group.dtype)
      for (mark, index) in members.enumerated() {
        let shape = parameters[index].shape
        slots[index] = Slot(
          bucket: number, gradient: flat.narrow(0, group.starts[mark], parameters[index].count).view(shape), mark: mark)
      }
      return Bucket(flat: flat, parameters: members, marks: flat.narrow(0, group.count, members.count))
    }
    self.slots = slots.compactMap { $0 }
  }
}
