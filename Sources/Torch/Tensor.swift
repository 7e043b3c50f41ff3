// SPDX-License-Identifier: Apache-2.0
public import CTorch

/// Element types, with libtorch's own numbers.
public enum DType: Int8, Sendable, Hashable, CaseIterable {
  case uint8 = 0
  case int8 = 1
  case int16 = 2
  case int32 = 3
  case int64 = 4
  case float16 = 5
  case float32 = 6
  case float64 = 7
  case bool = 11
  case bfloat16 = 15

  /// Bytes per element.
  public var size: Int {
    switch self {
    case .uint8, .int8, .bool: 1
    case .int16, .float16, .bfloat16: 2
    case .int32, .float32: 4
    case .int64, .float64: 8
    }
  }

  /// Whether values are real numbers, so that gradients exist.
  public var isFloatingPoint: Bool {
    switch self {
    case .float16, .float32, .float64, .bfloat16: true
    default: false
    }
  }
}

/// Where a tensor lives.
public struct Device: Sendable, Hashable, CustomStringConvertible {
  /// c10::DeviceType: 0 CPU, 1 CUDA, 14 meta, 20 the stand-in for a GPU.
  public let type: Int8
  /// Index among devices of this type, −1 for "the current one".
  public let index: Int8

  /// The processor's memory.
  public static let cpu = Device(type: 0, index: -1)

  /// An NVIDIA GPU. `Torch.loadCUDA()` must have succeeded before the first use. In a process that has a stand-in
  /// (``Torch/hasStandIn``) it is that.
  public static func cuda(_ index: Int = 0) -> Device { Device(type: Torch.hasStandIn ? 20 : 1, index: Int8(index)) }

  /// Nowhere: such a tensor has shape and type but no memory. Modules are built there before their weights are read.
  public static let meta = Device(type: 14, index: -1)

  /// `cpu`, `cuda:0`, `meta`.
  public var description: String {
    switch type {
    case 0: "cpu"
    case 14: "meta"
    default: "cuda:\(max(0, index))"
    }
  }
}

/// One owned reference to a libtorch tensor.
///
/// A class, not a struct: libtorch tensors are shared handles, and a struct would promise copies it does not make.
/// ARC is the reference count, so `deinit` gives native memory back at once. Operators return new tensors; those
/// whose names end in an underscore work in place.
///
/// Errors: an operator that fails inside ``withTorchErrors(_:)`` makes that scope throw; outside any scope it stops
/// the process with torch's message, since it is then a programming error.
public final class Tensor {
  /// Null only after a failure inside `withTorchErrors`, until that scope throws: a stand-in, which has a shape that can
  /// be indexed and divided by, and no values.
  public let handle: ct_tensor?

  /// Takes over one reference.
  public init(owned handle: ct_tensor?) { self.handle = handle }
  deinit { ct_release(handle) }

  /// Number of dimensions.
  public var dimensions: Int { handle == nil ? Self.standInShape.count : ct_dim(handle) }
  /// Sizes of all dimensions.
  public var shape: [Int] {
    handle == nil ? Self.standInShape : (0..<ct_dim(handle)).map { Int(ct_size(handle, $0)) }
  }
  /// Strides in elements.
  public var strides: [Int] {
    handle == nil ? Self.standInShape : (0..<ct_dim(handle)).map { Int(ct_stride(handle, $0)) }
  }
  /// Number of elements.
  public var count: Int { shape.reduce(1, *) }
  /// Element type. One that ``DType`` does not have (complex numbers, quantised ones) is an error as of an operator.
  public var dtype: DType {
    let code = ct_dtype(handle)
    guard let type = DType(rawValue: code) else {
      TorchError.raise("a tensor has element type \(code) of libtorch's c10::ScalarType, which dist2 does not take")
      return .float32
    }
    return type
  }
  /// Where it lives.
  public var device: Device { Device(type: ct_device_type(handle), index: ct_device_index(handle)) }
  /// Whether elements lie in row-major order without gaps.
  public var isContiguous: Bool { ct_is_contiguous(handle) }

  /// Size of one dimension; negative indices count from the end.
  public func size(_ dimension: Int) -> Int {
    handle == nil ? 1 : Int(ct_size(handle, dimension < 0 ? dimension + ct_dim(handle) : dimension))
  }

  private static let standInShape = [1, 1, 1, 1]
}

/// A Swift number type that a tensor can be made of and read as.
public protocol TensorElement {
  /// The element type with the same layout.
  static var dtype: DType { get }
}
extension Float: TensorElement { public static var dtype: DType { .float32 } }
extension Double: TensorElement { public static var dtype: DType { .float64 } }
extension Int64: TensorElement { public static var dtype: DType { .int64 } }
extension Int32: TensorElement { public static var dtype: DType { .int32 } }
extension Int16: TensorElement { public static var dtype: DType { .int16 } }
extension Int8: TensorElement { public static var dtype: DType { .int8 } }
extension UInt8: TensorElement { public static var dtype: DType { .uint8 } }
extension Bool: TensorElement { public static var dtype: DType { .bool } }

extension Tensor {
  /// Copies values into a new tensor, row major. `shape` defaults to one dimension.
  public convenience init<T: TensorElement>(_ values: [T], shape: [Int]? = nil, device: Device = .cpu) {
    let shape = shape ?? [values.count]
    torchPrecondition(shape.reduce(1, *) == values.count, "\(values.count) values for shape \(shape)")
    let made = values.withUnsafeBytes { Tensor(bytes: $0, shape: shape, dtype: T.dtype) }
    self.init(owned: device == .cpu ? made.release() : made.to(device).release())
  }

  /// A zero-dimensional tensor.
  public convenience init<T: TensorElement>(scalar value: T, device: Device = .cpu) {
    self.init([value], shape: [], device: device)
  }

  /// Copies raw bytes, row major, into a new CPU tensor. The byte count must be that of shape and dtype.
  public convenience init(bytes: UnsafeRawBufferPointer, shape: [Int], dtype: DType) {
    var out: ct_tensor?
    let sizes = shape.map(Int64.init)
    if ct_from_bytes(bytes.baseAddress, bytes.count, sizes, sizes.count, dtype.rawValue, &out) != 0 {
      TorchError.raise()
    }
    self.init(owned: out)
  }

  /// Wraps memory without copying. `owner` is retained until the last view of the memory is gone.
  public convenience init(
    unowned memory: UnsafeRawPointer, shape: [Int], dtype: DType, keeping owner: AnyObject
  ) {
    var out: ct_tensor?
    let sizes = shape.map(Int64.init)
    let context = Unmanaged.passRetained(owner).toOpaque()
    let failed = ct_from_memory(
      UnsafeMutableRawPointer(mutating: memory), sizes, sizes.count, dtype.rawValue,
      { Unmanaged<AnyObject>.fromOpaque($0!).release() }, context, &out)
    if failed != 0 { TorchError.raise() }
    self.init(owned: out)
  }

  /// A second handle on the same tensor's reference count, for handing over.
  private func release() -> ct_tensor? {
    if let handle { ct_retain(handle) }
    return handle
  }

  /// The values as ``array(of:)`` gives them, for code that goes on to index them.
  ///
  /// - Throws: `TorchError` where an operation has failed, this one or one before it: the surrounding
  ///   ``withTorchErrors(_:)`` then throws that one's message.
  public func values<T: TensorElement>(of type: T.Type = T.self) throws -> [T] {
    let values = array(of: T.self)
    if Torch.hasFailed || values.count != count { throw TorchError("an operation on tensors failed") }
    return values
  }

  /// The values in row-major order, copied from any device and converted to `T` if the element type differs; none of a
  /// stand-in (``withTorchErrors(_:)``).
  public func array<T: TensorElement>(of type: T.Type = T.self) -> [T] {
    guard let handle else { return [] }
    if dtype != T.dtype { return to(T.dtype).array(of: T.self) }
    let n = count
    return [T](unsafeUninitializedCapacity: n) { buffer, written in
      if ct_copy_out(handle, buffer.baseAddress, n * MemoryLayout<T>.stride) != 0 {
        TorchError.raise()
      } else {
        written = n
      }
    }
  }

  /// The only element of a one-element tensor, as a number.
  public func item() -> Double {
    var value = 0.0
    if let handle, ct_item_double(handle, &value) != 0 { TorchError.raise() }
    return value
  }

  /// The only element of a one-element integer tensor.
  public func intItem() -> Int {
    var value: Int64 = 0
    if let handle, ct_item_int(handle, &value) != 0 { TorchError.raise() }
    return Int(value)
  }

  /// Calls `body` with the elements' memory. The tensor must be contiguous and on the CPU.
  public func withUnsafeMutableBytes<R>(_ body: (UnsafeMutableRawBufferPointer) throws -> R) rethrows -> R {
    torchPrecondition(isContiguous && device == .cpu, "bytes of a non-contiguous or non-CPU tensor")
    defer { withExtendedLifetime(self) {} }
    let n = count * dtype.size
    guard let handle, n > 0, let data = ct_data(handle) else {
      return try body(UnsafeMutableRawBufferPointer(start: nil, count: 0))
    }
    return try body(UnsafeMutableRawBufferPointer(start: data, count: n))
  }
}

extension Tensor: CustomStringConvertible {
  /// Shape, type and place; values of small tensors too.
  public var description: String {
    let head = "Tensor(\(shape), \(dtype), \(device))"
    return count <= 16 && dtype != .bool && device != .meta ? head + " \(array(of: Double.self))" : head
  }
}
