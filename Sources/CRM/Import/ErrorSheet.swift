enum ErrorSheet {
    static let reasonTitle = "错误原因"
}
