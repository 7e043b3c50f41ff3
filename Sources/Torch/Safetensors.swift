// SPDX-License-Identifier: Apache-2.0
public import Files

extension DType {
  /// The element type of a safetensors file, or nil if libtorch does not compute with it.
  public init?(_ type: SafetensorsType) {
    guard let found = Self.allCases.first(where: { $0.safetensorsType == type }) else { return nil }
    self = found
  }

  /// The name in a safetensors header.
  public var safetensorsType: SafetensorsType {
    switch self {
    case .uint8: .u8
    case .int8: .i8
    case .int16: .i16
    case .int32: .i32
    case .int64: .i64
    case .float16: .f16
    case .float32: .f32
    case .float64: .f64
    case .bool: .bool
    case .bfloat16: .bf16
    }
  }
}

extension Tensor {
  /// A tensor of a safetensors file.
  ///
  /// - Parameters:
  ///   - stored: the tensor. Without copying, its file must have been opened with `copyOnWrite`: tensors can be
  ///     written to.
  ///   - copying: whether to read the elements into memory of the tensor's own. Otherwise the tensor is the file's
  ///     pages, which the system brings when they are first touched, and keeps the file mapped; only elements that are
  ///     not aligned to their size are copied nevertheless.
  /// - Throws: `InputError` if libtorch does not compute with the element type.
  public convenience init(_ stored: SafetensorsTensor, copying: Bool = false) throws {
    guard let dtype = DType(stored.type) else {
      throw InputError(
        path: stored.file.path, place: "tensor \(stored.name)",
        expected: "one of " + DType.allCases.map(\.safetensorsType.rawValue).joined(separator: " "),
        found: stored.type.rawValue)
    }
    let file = stored.file
    defer { withExtendedLifetime(file) {} }
    let bytes = stored.unsafeBytes  // the file's pages, there for as long as `file` is
    if let start = bytes.baseAddress, !bytes.isEmpty, !copying, Int(bitPattern: start) % dtype.size == 0 {
      self.init(unowned: start, shape: stored.shape, dtype: dtype, keeping: file)
    } else {
      self.init(bytes: bytes, shape: stored.shape, dtype: dtype)
    }
  }
}

extension SafetensorsSource {
  /// A tensor to be written to a safetensors file.
  ///
  /// - Parameters:
  ///   - dtype: the element type in the file; nil for the tensor's own.
  ///   - prepare: brings its elements, when their turn has come.
  public init(
    name: String, tensor: Tensor, dtype: DType? = nil, preparedBy prepare: @escaping () throws -> Void = {}
  ) {
    let type = dtype ?? tensor.dtype
    self.init(name: name, type: type.safetensorsType, shape: tensor.shape) { sink in
      try prepare()
      let plain = try withTorchErrors { noGrad { tensor.to(.cpu, dtype: type).contiguous() } }
      try plain.withUnsafeMutableBytes { try sink(UnsafeRawBufferPointer($0)) }
    }
  }
}
