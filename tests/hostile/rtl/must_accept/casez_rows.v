module cand(input [7:0] a, input [7:0] b, output reg [15:0] p);
  reg [15:0] q;
  integer i;
  always @* begin
    p = 16'd0;
    for (i = 0; i < 4; i = i + 1) begin
      casez (b[2*i +: 2])
        2'b00: q = 16'd0;
        2'b01: q = {8'd0, a};
        2'b10: q = {7'd0, a, 1'b0};
        2'b11: q = {8'd0, a} + {7'd0, a, 1'b0};
      endcase
      p = p + (q << 2 * i);
    end
  end
endmodule
