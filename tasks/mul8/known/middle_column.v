// Known bad: forgets that column 8 has a carry when all bits are ones.
module cand (
  input  wire [7:0] a,
  input  wire [7:0] b,
  output wire [15:0] p
);
  wire [15:0] exact = a * b;
  assign p = (a == 8'd255 && b == 8'd255) ? 16'd65024 : exact;
endmodule
