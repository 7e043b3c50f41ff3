// SPDX-License-Identifier: Apache-2.0
public import Torch

/// A part of a model, such as a decoder's layer, whose weights may be elsewhere while it does not compute.
///
/// Who runs it runs it as `recomputed` with its supply: what the backward pass needs of the weights is not kept.
open class SuppliedModule: Module {
  /// Whence its weights come; nil where they stay.
  public final var supply: (any WeightSupply)?
}
