module row #(parameter K = 0) (input [7:0] a, input bit_of_b, input [15:0] above, output [15:0] sum);
  assign sum = above + ({8'd0, a & {8{bit_of_b}}} << K);
endmodule
module cand(input [7:0] a, input [7:0] b, output [15:0] p);
  wire [15:0] sums [0:8];
  assign sums[0] = 16'd0;
  genvar i;
  generate
    for (i = 0; i < 8; i = i + 1) begin : rows
      row #(.K(i)) r(.a(a), .bit_of_b(b[i]), .above(sums[i]), .sum(sums[i + 1]));
    end
  endgenerate
  assign p = sums[8];
endmodule
