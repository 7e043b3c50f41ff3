// SPDX-License-Identifier: Apache-2.0
// Shapes, indexing, creation, conversion. One line per operator: its name here is torch's.
import CTorch

enum Shape {
  static let view = Op("aten::view"), reshape = Op("aten::reshape"), expand = Op("aten::expand")
  static let transpose = Op("aten::transpose", "int"), permute = Op("aten::permute"),
    contiguous = Op("aten::contiguous")
  static let narrow = Op("aten::narrow"), select = Op("aten::select", "int"), slice = Op("aten::slice", "Tensor")
  static let squeeze = Op("aten::squeeze", "dim"), unsqueeze = Op("aten::unsqueeze"),
    flatten = Op("aten::flatten", "using_ints")
  static let cat = Op("aten::cat"), stack = Op("aten::stack"), split = Op("aten::split", "Tensor"),
    splitSizes = Op("aten::split_with_sizes"), chunk = Op("aten::chunk")
  static let repeatInterleave = Op("aten::repeat_interleave", "self_int"), tile = Op("aten::repeat")
  static let indexSelect = Op("aten::index_select"), gather = Op("aten::gather"), index = Op("aten::index", "Tensor")
  static let indexCopy = Op("aten::index_copy")
  static let indexAdd = Op("aten::index_add"), indexAddInPlace = Op("aten::index_add_"),
    scatter = Op("aten::scatter", "src")
  static let indexPutInPlace = Op("aten::index_put_"), maskedFill = Op("aten::masked_fill", "Scalar")
  static let whereSelf = Op("aten::where", "self"), tril = Op("aten::tril"), triu = Op("aten::triu")
  static let copyInPlace = Op("aten::copy_"), clone = Op("aten::clone"), detach = Op("aten::detach")
  static let toDType = Op("aten::to", "dtype"), toDevice = Op("aten::to", "device"), flip = Op("aten::flip")
  static let empty = Op("aten::empty", "memory_format"), zeros = Op("aten::zeros"), ones = Op("aten::ones")
  static let full = Op("aten::full"), arange = Op("aten::arange", "start_step"), eye = Op("aten::eye")
  static let zerosLike = Op("aten::zeros_like"), onesLike = Op("aten::ones_like"), emptyLike = Op("aten::empty_like")
  static let randn = Op("aten::randn", "generator"), rand = Op("aten::rand", "generator")
  static let randint = Op("aten::randint", "low_generator"), multinomial = Op("aten::multinomial")
  static let setData = Op("aten::set_", "source_Tensor"), nonzero = Op("aten::nonzero")
}

/// Views and rearrangements.
extension Tensor {
  /// The same elements in another shape, without copying; −1 stands for one size.
  ///
  /// - Precondition: the memory allows it; ``reshape(_:)`` copies where it does not.
  public func view(_ shape: [Int]) -> Tensor { Shape.view(self, shape) }
  /// The same elements in another shape, copied only if needed; −1 stands for one size.
  public func reshape(_ shape: [Int]) -> Tensor { Shape.reshape(self, shape) }
  /// Dimensions of size 1 repeated to this shape, without copying; −1 keeps a size.
  public func expand(_ shape: [Int]) -> Tensor { Shape.expand(self, shape) }
  /// Two dimensions exchanged, without copying.
  public func transpose(_ a: Int, _ b: Int) -> Tensor { Shape.transpose(self, a, b) }
  /// Dimensions in this order, without copying.
  public func permute(_ order: [Int]) -> Tensor { Shape.permute(self, order) }
  /// The same elements in row-major memory, copied only if needed.
  public func contiguous() -> Tensor { isContiguous ? self : Shape.contiguous(self) }
  /// `length` entries from `start` along a dimension, without copying.
  public func narrow(_ dimension: Int, _ start: Int, _ length: Int) -> Tensor {
    Shape.narrow(self, dimension, start, length)
  }
  /// One entry along a dimension, which goes; without copying.
  public func select(_ dimension: Int, _ index: Int) -> Tensor { Shape.select(self, dimension, index) }
  /// Without a dimension of size 1.
  public func squeeze(_ dimension: Int) -> Tensor { Shape.squeeze(self, dimension) }
  /// With a new dimension of size 1 here.
  public func unsqueeze(_ dimension: Int) -> Tensor { Shape.unsqueeze(self, dimension) }
  /// Dimensions `from` … `to` as one.
  public func flatten(_ from: Int = 0, _ to: Int = -1) -> Tensor { Shape.flatten(self, from, to) }
  /// Entries along these dimensions in reverse order.
  public func flip(_ dimensions: [Int]) -> Tensor { Shape.flip(self, dimensions) }
  /// Every entry along a dimension `count` times in a row.
  public func repeatInterleave(_ count: Int, _ dimension: Int) -> Tensor {
    Shape.repeatInterleave(self, count, dimension)
  }
  /// The whole tensor repeated along each dimension.
  public func tile(_ counts: [Int]) -> Tensor { Shape.tile(self, counts) }
  /// Parts of `size` entries along a dimension; the last may be smaller.
  public func split(_ size: Int, _ dimension: Int) -> [Tensor] { Shape.split.many(1, self, size, dimension) }
  /// Parts of these sizes along a dimension, which add up to its own.
  public func split(_ sizes: [Int], _ dimension: Int) -> [Tensor] {
    Shape.splitSizes.many(sizes.count, self, sizes, dimension)
  }
  /// `count` parts of equal size along a dimension.
  public func chunk(_ count: Int, _ dimension: Int) -> [Tensor] { Shape.chunk.many(count, self, count, dimension) }
  /// Tensors one after the other along a dimension.
  public static func cat(_ tensors: [Tensor], _ dimension: Int = 0) -> Tensor { Shape.cat(tensors, dimension) }
  /// Tensors of one shape along a new dimension.
  public static func stack(_ tensors: [Tensor], _ dimension: Int = 0) -> Tensor { Shape.stack(tensors, dimension) }
}

/// Indexing.
extension Tensor {
  /// Rows (entries along `dimension`) named by an int32 or int64 index `[n]`.
  public func indexSelect(_ dimension: Int, _ index: Tensor) -> Tensor { Shape.indexSelect(self, dimension, index) }
  /// Along `dimension`, the elements that an int64 index of the same rank names.
  public func gather(_ dimension: Int, _ index: Tensor) -> Tensor { Shape.gather(self, dimension, index) }
  /// Advanced indexing; nil keeps a dimension whole.
  public func index(_ indices: [Tensor?]) -> Tensor { Shape.index(self, indices) }
  /// A copy in which the entries along `dimension` that `index` names are those of `source`.
  public func indexCopy(_ dimension: Int, _ index: Tensor, _ source: Tensor) -> Tensor {
    Shape.indexCopy(self, dimension, index, source)
  }
  /// A copy in which `source` is added to the entries along `dimension` that `index` names.
  public func indexAdd(_ dimension: Int, _ index: Tensor, _ source: Tensor) -> Tensor {
    Shape.indexAdd(self, dimension, index, source)
  }
  /// Adds `source` to the entries along `dimension` that `index` names, in place.
  public func indexAdd_(_ dimension: Int, _ index: Tensor, _ source: Tensor) {
    Shape.indexAddInPlace.run(self, dimension, index, source)
  }
  /// Writes `values` at these indices, in place; nil keeps a dimension whole.
  public func indexPut_(_ indices: [Tensor?], _ values: Tensor) { Shape.indexPutInPlace.run(self, indices, values) }
  /// A copy in which, along `dimension`, the elements that `index` names are those of `source`.
  public func scatter(_ dimension: Int, _ index: Tensor, _ source: Tensor) -> Tensor {
    Shape.scatter(self, dimension, index, source)
  }
  /// A copy with a number where the mask is true.
  public func maskedFill(_ mask: Tensor, _ value: Double) -> Tensor { Shape.maskedFill(self, mask, value) }
  /// Elements of `a` where the condition holds, of `b` elsewhere.
  public static func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
    Shape.whereSelf(condition, a, b)
  }
  /// The lower triangle of matrices, 0 above the diagonal of this number.
  public func tril(_ diagonal: Int = 0) -> Tensor { Shape.tril(self, diagonal) }
  /// The upper triangle of matrices, 0 below the diagonal of this number.
  public func triu(_ diagonal: Int = 0) -> Tensor { Shape.triu(self, diagonal) }
  /// Indices `[n, dimensions]` of the elements that are not zero.
  public func nonzero() -> Tensor { Shape.nonzero(self) }
}

/// Copies and conversions.
extension Tensor {
  /// A copy with memory of its own; gradients flow through.
  public func clone() -> Tensor { Shape.clone(self) }
  /// The same memory outside the graph: no gradient flows.
  public func detach() -> Tensor { Shape.detach(self) }
  /// Writes the elements of `source` into this tensor, in place; types are converted.
  public func copy_(_ source: Tensor) { Shape.copyInPlace.run(self, source) }
  /// The tensor with elements of this type; itself where it has it.
  public func to(_ dtype: DType) -> Tensor { dtype == self.dtype ? self : Shape.toDType(self, dtype) }
  /// The tensor on this device, and of this type where one is given. From the CPU to a GPU by pinned memory, without
  /// waiting for the GPU.
  public func to(_ device: Device, dtype: DType? = nil) -> Tensor {
    let dtype = dtype ?? self.dtype
    guard self.device == .cpu, device != .cpu, device != .meta, let handle else {
      return Shape.toDevice(self, device, dtype)
    }
    guard dtype == self.dtype else { return to(dtype).to(device) }
    var out: ct_tensor?
    if ct_upload(handle, device.type, device.index, &out) != 0 { TorchError.raise() }
    return Tensor(owned: out)
  }
}

/// Creation.
extension Tensor {
  /// A tensor of any values that happened to be there.
  public static func empty(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
    Shape.empty(shape, dtype, Argument.none, device)
  }
  /// A tensor of zeros.
  public static func zeros(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
    Shape.zeros(shape, dtype, Argument.none, device)
  }
  /// A tensor of ones.
  public static func ones(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
    Shape.ones(shape, dtype, Argument.none, device)
  }
  /// A tensor of one value.
  public static func full(_ shape: [Int], _ value: Double, dtype: DType = .float32, device: Device = .cpu) -> Tensor {
    Shape.full(shape, value, dtype, Argument.none, device)
  }
  /// `start, start + step, …` below `end`.
  public static func arange(
    _ start: Double, _ end: Double, _ step: Double = 1, dtype: DType = .float32, device: Device = .cpu
  ) -> Tensor {
    Shape.arange(start, end, step, dtype, Argument.none, device)
  }
  /// The identity matrix `[n, n]`.
  public static func eye(_ n: Int, dtype: DType = .float32, device: Device = .cpu) -> Tensor {
    Shape.eye(n, dtype, Argument.none, device)
  }
  /// Zeros of the same shape, type and device.
  public func zerosLike() -> Tensor { Shape.zerosLike(self) }
  /// Ones of the same shape, type and device.
  public func onesLike() -> Tensor { Shape.onesLike(self) }
  /// Any values, of the same shape, type and device.
  public func emptyLike() -> Tensor { Shape.emptyLike(self) }
  /// Standard normal samples.
  public static func randn(
    _ shape: [Int], dtype: DType = .float32, device: Device = .cpu, generator: Generator? = nil
  ) -> Tensor {
    Shape.randn(shape, generator, dtype, Argument.none, device)
  }
  /// Uniform samples of `[0, 1)`.
  public static func rand(
    _ shape: [Int], dtype: DType = .float32, device: Device = .cpu, generator: Generator? = nil
  ) -> Tensor {
    Shape.rand(shape, generator, dtype, Argument.none, device)
  }
  /// Integers of `low ..< high`, int64.
  public static func randint(
    _ low: Int, _ high: Int, _ shape: [Int], device: Device = .cpu, generator: Generator? = nil
  ) -> Tensor {
    Shape.randint(low, high, shape, generator, DType.int64, Argument.none, device)
  }
  /// `samples` indices per row, drawn in proportion to the row's weights `[rows, n]`.
  public func multinomial(_ samples: Int, replacement: Bool = false, generator: Generator? = nil) -> Tensor {
    Shape.multinomial(self, samples, replacement, generator)
  }
  /// Makes this handle share another tensor's memory, shape and type. For loading weights into a module.
  public func setData_(_ source: Tensor) { Shape.setData.run(self, source) }
}
