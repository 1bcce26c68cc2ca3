internal import Glibc

/// The server side of TLS by OpenSSL, taken from the library that libcurl has loaded already.
@safe struct TLSLibrary: @unchecked Sendable {
    typealias Pointer = UnsafeMutableRawPointer
    private let context: Pointer
    private let new: @convention(c) (Pointer?) -> Pointer?
    private let setFD: @convention(c) (Pointer?, Int32) -> Int32
    private let acceptCall: @convention(c) (Pointer?) -> Int32
    private let readCall: @convention(c) (Pointer?, Pointer?, Int32) -> Int32
    private let writeCall: @convention(c) (Pointer?, UnsafeRawPointer?, Int32) -> Int32
    private let freeCall: @convention(c) (Pointer?) -> Void

    init(_ certificate: TestCertificate) throws {
        guard let library = unsafe dlopen("libssl.so.3", RTLD_NOW) else {
            throw ServerError(message: "libssl.so.3 cannot be loaded")
        }
        func find<T>(_ name: String, _ type: T.Type) throws -> T {
            guard let symbol = unsafe dlsym(library, name) else { throw ServerError(message: "libssl has no \(name)") }
            return unsafe unsafeBitCast(symbol, to: type)
        }
        typealias Maker = @convention(c) () -> Pointer?
        typealias ContextMaker = @convention(c) (Pointer?) -> Pointer?
        typealias ChainLoader = @convention(c) (Pointer?, UnsafePointer<CChar>) -> Int32
        typealias KeyLoader = @convention(c) (Pointer?, UnsafePointer<CChar>, Int32) -> Int32
        let method = try unsafe find("TLS_server_method", Maker.self)()
        guard let context = try unsafe find("SSL_CTX_new", ContextMaker.self)(method) else {
            throw ServerError(message: "SSL_CTX_new failed")
        }
        unsafe self.context = unsafe context
        let pem: Int32 = 1
        let chain = try unsafe find("SSL_CTX_use_certificate_chain_file", ChainLoader.self)(
            context, certificate.certificate)
        let key = try unsafe find("SSL_CTX_use_PrivateKey_file", KeyLoader.self)(context, certificate.key, pem)
        guard chain == 1, key == 1 else { throw ServerError(message: "OpenSSL does not take the test certificate") }
        unsafe new = try find("SSL_new", (@convention(c) (Pointer?) -> Pointer?).self)
        unsafe setFD = try find("SSL_set_fd", (@convention(c) (Pointer?, Int32) -> Int32).self)
        unsafe acceptCall = try find("SSL_accept", (@convention(c) (Pointer?) -> Int32).self)
        unsafe readCall = try find("SSL_read", (@convention(c) (Pointer?, Pointer?, Int32) -> Int32).self)
        unsafe writeCall = try find("SSL_write", (@convention(c) (Pointer?, UnsafeRawPointer?, Int32) -> Int32).self)
        unsafe freeCall = try find("SSL_free", (@convention(c) (Pointer?) -> Void).self)
    }

    /// Blocks until the handshake is over; nil if it failed.
    func accept(_ descriptor: Int32) -> Session? {
        guard let ssl = unsafe new(context) else { return nil }
        guard unsafe setFD(ssl, descriptor) == 1, unsafe acceptCall(ssl) == 1 else {
            unsafe freeCall(ssl)
            return nil
        }
        return unsafe Session(library: self, ssl: ssl)
    }

    /// One connection after its handshake.
    @safe struct Session {
        fileprivate let library: TLSLibrary
        fileprivate let ssl: Pointer

        func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
            Int(unsafe library.readCall(ssl, buffer.baseAddress, Int32(buffer.count)))
        }

        func write(_ bytes: UnsafeRawBufferPointer) -> Int {
            Int(unsafe library.writeCall(ssl, bytes.baseAddress, Int32(bytes.count)))
        }

        func free() { unsafe library.freeCall(ssl) }
    }
}
