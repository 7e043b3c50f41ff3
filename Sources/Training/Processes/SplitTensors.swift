// SPDX-License-Identifier: Apache-2.0
import Torch

/// Tensors of which each process holds its share, whole only for as long as they are needed.
///
/// Each stays the same tensor, of the same shape: what changes is its memory. While it is away there is one number in it,
/// which is not finite, for all elements: what would read it by mistake is noticed.
final class SplitTensors {
  let layout: BucketLayout
  private let tensors: [Tensor]
  /// What stands in for each.
  private let absent: [Tensor]
  private let group: ProcessGroup
  /// What this process holds, by bucket.
  private let shares: [Tensor]
  /// Memory of the whole, by bucket, while it is here or on its way.
  private var flats: [Tensor] = []
  private var underWay: [PendingCollective] = []

  /// Splits them: what is not this process's is given up.
  init(_ tensors: [Tensor], _ layout: BucketLayout, _ group: ProcessGroup) {
    (self.tensors, self.layout, self.group) = (tensors, layout, group)
    absent = tensors.map { tensor in
      let number = Tensor.zeros([1], dtype: tensor.dtype)
      if tensor.dtype.isFloatingPoint { number.fill_(.nan) }
      return number.expand(tensor.shape)
    }
    shares = noGrad {
      layout.buckets.indices.map { number in
        let bucket = layout.buckets[number], flat = Tensor.zeros([bucket.count], dtype: bucket.dtype)
        for index in bucket.parameters {
          let place = layout.places[index]
          flat.narrow(0, place.start, place.count).copy_(tensors[index].detach().reshape([-1]))
        }
        let share = layout.share(of: number, rank: group.rank)
        return flat.narrow(0, share.lowerBound, share.count).clone()
      }
    }
    release()
  }

  /// Begins to gather them; nothing if that has begun.
  func begin() throws {
    guard flats.isEmpty else { return }
    try noGrad {
      for (bucket, share) in zip(layout.buckets, shares) {
        let flat = Tensor.empty([bucket.count], dtype: bucket.dtype)
        flats.append(flat)
        underWay.append(try group.beginGather(share, into: flat))
      }
    }
  }

  /// Waits until they are here, whole.
  func take() throws {
    try begin()
    while !underWay.isEmpty { try underWay.removeFirst().wait() }
    noGrad { for index in tensors.indices { tensors[index].setData_(layout.view(of: index, in: flats)) } }
  }

  /// Gives up what is not this process's.
  func release() {
    noGrad { for (tensor, absent) in zip(tensors, absent) { tensor.setData_(absent) } }
    flats = []
  }

  /// A part of a tensor that is this process's, `[elements]`, in the memory of its share.
  func memory(of part: ParameterPart) -> Tensor { layout.view(of: part, inShares: shares, rank: group.rank) }

  /// Takes this process's part from the values of a whole tensor.
  func set(_ index: Int, _ values: Tensor) {
    for part in layout.parts(rank: group.rank) where part.parameter == index {
      noGrad { memory(of: part).copy_(values.reshape([-1]).narrow(0, part.range.lowerBound, part.range.count)) }
    }
  }
}
